#!/bin/sh
# Makes the samples beside this file, and asks cuobjdump what is in each, which is what the tests compare with.
# usage: make.sh CUDA_12_4_HOME CUDA_13_0_HOME CUDA_13_5_HOME (whose cuobjdump reads all; 13.4 was the first to concatenate)
set -eu
old=$1/bin/nvcc new=$2/bin/nvcc newest=$3/bin/nvcc cuobjdump=$3/bin/cuobjdump
export PATH="$3/bin:$PATH" # cuobjdump calls its neighbours
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cd "$work"
echo '__global__ void scale(float *p) { p[threadIdx.x] *= 2.f; }' >first.cu
echo '__global__ void shift(float *p) { p[threadIdx.x] += 2.f; }' >second.cu

# sample NAME NVCC COMPRESSION TARGETS UNIT...: compile the units, link them, keep the section and its listing
sample() {
    name=$1 nvcc=$2 compression=$3 targets=$4
    shift 4
    objects=
    for unit; do
        flags=
        for target in $targets; do flags="$flags -gencode arch=compute_${target#*_},code=$target"; done
        # shellcheck disable=SC2086 # both are lists of words
        "$nvcc" -c "$unit.cu" -o "$name.$unit.o" -Xcompiler -fPIC $compression $flags
        objects="$objects $name.$unit.o"
    done
    # shellcheck disable=SC2086
    g++ -shared -o "$name.so" $objects
    objcopy --dump-section ".nv_fatbin=$here/$name.bin" "$name.so"
    "$cuobjdump" --list-elf --list-ptx "$name.so" >"$here/$name.txt"
}

sample cu124_units "$old" "-Xfatbin -compress-all" "sm_80 sm_90 sm_90a sm_89 compute_89" first second
sample cu124_80 "$old" "-Xfatbin -compress-all" "sm_80" first
sample cu124_80_90 "$old" "-Xfatbin -compress-all" "sm_80 sm_90" first
sample cu130_families "$new" "--compress-mode=size" \
    "sm_80 sm_90a compute_90a sm_100 sm_100a sm_120a sm_120f compute_120f" first
sample cu130_plain "$new" "--compress-mode=none" "sm_80 compute_80" first
sample cu135_concat "$newest" "--concat --compress-mode=size" \
    "sm_80 compute_80 sm_90 sm_90a sm_100f compute_100f" first second
