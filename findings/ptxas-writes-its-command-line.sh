#!/usr/bin/env bash
# ptxas 13.0.88: the cubin holds the options it was made with, so an option that changes nothing changes the bytes.
#
# Expected: `-v` prints statistics and leaves the machine code as it is, bytes of the file included.
# Seen: two runs of the same command give the same file; with `-v` another one, whose note says "-v  -arch sm_80". Who
# compares cubins by their hash has to compile with the very same words, in the same order.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet --no-deps --target toolkit nvidia-cuda-nvcc==13.0.88
ptxas=toolkit/nvidia/cu13/bin/ptxas
printf '.version 9.0\n.target sm_80\n.address_size 64\n.visible .entry kernel() { ret; }\n' > kernel.ptx
"$ptxas" -arch=sm_80 kernel.ptx -o one.cubin
"$ptxas" -arch=sm_80 kernel.ptx -o two.cubin
"$ptxas" -v -arch=sm_80 kernel.ptx -o three.cubin
cmp one.cubin two.cubin
if cmp --quiet one.cubin three.cubin; then echo 'changed: -v leaves the bytes as they are'; exit 1; fi
grep --text --only-matching -- '-v  *-arch sm_80' three.cubin
echo 'seen: ptxas 13.0.88 writes its options into the cubin'
