#!/usr/bin/env bash
# nvidia-cuda-nvcc-cu12 12.8.93: it has no nvcc, but headers without which plain C++ does not compile.
#
# Expected: nvcc, as nvidia-cuda-nvcc 13.2.78 has it; and a file that g++ alone compiles against CUDA's runtime needs
# the runtime's package only.
# Seen: its one program is ptxas (no nvcc, no cudafe++, no cicc, but libnvvm.so). cuda_runtime.h of the package
# nvidia-cuda-runtime-cu12 12.8.90 includes crt/host_config.h, which lies in the 40 MB of the nvcc package.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
get() { venv/bin/pip install --quiet --no-deps --target "$1" "${@:2}"; }
get runtime nvidia-cuda-runtime-cu12==12.8.90
get nvcc nvidia-cuda-nvcc-cu12==12.8.93
get later nvidia-cuda-nvcc==13.2.78
programs=$(find nvcc -path '*/bin/*' -type f ! -name '*.py' -printf '%f ')
echo "12.8.93 has: $programs"
[ "$programs" = 'ptxas ' ] || { echo 'changed: it has other programs'; exit 1; }
[ -z "$(find nvcc -name 'cicc' -o -name 'cudafe++')" ]
find later -name nvcc -path '*/bin/*' | grep --quiet . || { echo 'changed: 13.2.78 has no nvcc'; exit 1; }
echo '#include <cuda_runtime.h>' > host.cpp
include=runtime/nvidia/cuda_runtime/include
if g++ -fsyntax-only -I$include host.cpp 2> said; then echo 'changed: the runtime is enough'; exit 1; fi
grep -m1 'crt/host_config.h: No such file' said
g++ -fsyntax-only -I$include -Invcc/nvidia/cuda_nvcc/include host.cpp
echo 'seen: for CUDA 12, the package nvcc is ptxas and the headers of host code'
