#!/usr/bin/env bash
# nvcc 13.0.88: a unit that defines nothing but templates comes out with other bytes each time.
#
# Expected: the same source, flags and directory give the same PTX, as with a unit that defines a function.
# Seen: names of what is internal to the unit hold a number that is drawn anew each time. One plain function with
# external linkage in the unit ends that, for the number is then taken from it.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96
nvcc=$(echo venv/lib/python3*/site-packages/nvidia/cu13/bin/nvcc)
cat > templates.cu <<'C'
namespace { __device__ int table[4]; }
template <int N> __global__ void kernel(int *out) { out[0] = table[N]; table[N] = N; }
template __global__ void kernel<1>(int *);
C
{ cat templates.cu; echo 'void named() {}'; } > named.cu
for unit in templates named; do
  for time in 1 2; do
    "$nvcc" -arch=sm_80 -ptx "$unit.cu" -o "$unit.$time.ptx"
  done
  if cmp -s "$unit.1.ptx" "$unit.2.ptx"; then echo "$unit: the same"; else echo "$unit: other bytes"; fi
done | tee seen
grep -m1 -oE '_INTERNAL_\w+' templates.1.ptx
diff seen - <<'W' || { echo 'changed'; exit 1; }
templates: other bytes
named: the same
W
