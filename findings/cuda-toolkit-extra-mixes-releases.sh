#!/usr/bin/env bash
# cuda-toolkit[nvcc]==13.0.2: the pinned release of CUDA brings the nvcc of 13.0 and the nvvm, crt and runtime of 13.5.
#
# Expected: a pinned "CUDA toolkit" is one release, or at least parts that work together.
# Seen: nvidia-cuda-nvcc is 13.0.88; nvidia-nvvm, which holds cicc, is not pinned and comes from the newest 13.x. Its
# PTX is newer than ptxas 13.0 reads: every compile to machine code stops at "Unsupported .version".
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet 'cuda-toolkit[nvcc]==13.0.2' nvidia-nvvm==13.5.37 nvidia-cuda-crt==13.5.37 nvidia-cuda-runtime==13.5.37
venv/bin/pip install --quiet --dry-run --report report.json --target fresh 'cuda-toolkit[nvcc]==13.0.2'
venv/bin/python - <<'P'
import json
found = {one["metadata"]["name"]: one["metadata"]["version"] for one in json.load(open("report.json"))["install"]}
print(found)
assert found["nvidia-cuda-nvcc"].startswith("13.0."), found
assert not found["nvidia-nvvm"].startswith("13.0."), "changed: the extra pins nvvm now"
P
nvcc=$(echo venv/lib/python3*/site-packages/nvidia/cu13/bin/nvcc)
echo '__global__ void kernel(float *out) { *out = 1; }' > kernel.cu
if "$nvcc" -arch=sm_80 -cubin kernel.cu -o kernel.cubin > said 2>&1; then echo 'changed: it compiles'; exit 1; fi
grep -m1 -i 'unsupported .version' said
echo 'seen: cuda-toolkit[nvcc]==13.0.2 is of two releases'
