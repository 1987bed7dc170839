#!/usr/bin/env bash
# nvcc 13.0.88: called through a link it says its version, but looks for its profile, headers and cicc beside the link.
#
# Expected: a program that finds its files from where it is, as g++ does, follows the link it was called by.
# Seen: `link/nvcc --version` answers like the real one; `link/nvcc -c` stops at "cuda_runtime.h: No such file or
# directory", since _HERE_ is the link's directory. A directory of links works once `bin/` holds nvcc.profile too and is
# itself no link: then the toolkit "is" wherever the links are, with whichever headers stand there.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet --no-deps --target toolkit nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 \
  nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
real=$PWD/toolkit/nvidia/cu13
echo '__global__ void kernel(float *out) { *out = 1; }' > kernel.cu
mkdir link && ln -s "$real/bin/nvcc" link/nvcc
"$real/bin/nvcc" -arch=sm_80 -c kernel.cu -o kernel.o
link/nvcc --version | grep --quiet 'V13.0.88'
if link/nvcc -arch=sm_80 -c kernel.cu -o other.o 2> said; then echo 'changed: the link was followed'; exit 1; fi
grep 'cuda_runtime.h: No such file' said
mkdir -p view/bin && ln -s "$real"/bin/* view/bin/ && ln -s "$real/nvvm" "$real/include" view/
view/bin/nvcc -arch=sm_80 -c kernel.cu -o other.o
view/bin/nvcc -arch=sm_80 -c kernel.cu -o other.o --dryrun 2>&1 | grep '_HERE_=view/bin'
echo 'seen: nvcc 13.0.88 lives where its link is'
