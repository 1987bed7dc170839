#!/usr/bin/env bash
# g++ and nvcc 13.0.88 on one function: g++ takes its `noexcept` away without a word, nvcc's front end is strict.
#
# Expected: a function that a system header declares `noexcept` keeps that when it is declared again without, and a
# compiler that finds the two incompatible says so; so a probe that declares a function again tells whether CUDA's
# headers clash with the system's.
# Seen: g++ (12 to 16) with -pedantic-errors says nothing, and afterwards noexcept(f()) is false. In the other order, the
# header last, both refuse, which is how a new glibc stops every .cu file. A probe has to look at an overload instead.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet --no-deps --target toolkit nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 \
  nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
printf '#pragma GCC system_header\nextern "C" double later(double) noexcept;\n' > system.h
again='extern "C" double later(double);'
printf '#include "system.h"\n%s\nstatic_assert(!noexcept(later(1.0)), "");\n' "$again" > after.cpp
if ! g++ -std=c++17 -Wall -Wextra -pedantic-errors -fsyntax-only after.cpp 2> said || [ -s said ]; then
  cat said; echo 'changed: g++ minds, or keeps noexcept'; exit 1
fi
printf '%s\n#include "system.h"\n' "$again" > before.cu
if toolkit/nvidia/cu13/bin/nvcc -std=c++17 -ptx before.cu -o before.ptx > said 2>&1; then echo 'changed: nvcc takes it'; exit 1; fi
grep -m1 'exception specif' said
printf '#include "system.h"\ndouble later(...);\nstatic_assert(noexcept(later(1.0)), "");\n' > overload.cpp
g++ -std=c++17 -fsyntax-only overload.cpp
echo "seen: $(g++ -dumpfullversion) drops noexcept, nvcc 13.0.88 does not"
