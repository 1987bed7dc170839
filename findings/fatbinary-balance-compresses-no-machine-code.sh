#!/usr/bin/env bash
# fatbinary 13.0.88: `--compress-mode=balance` and `speed` leave machine code as it is, unless `--compress-all` is there.
#
# Expected: the option that names how to compress makes it compress, as `--compress-mode=size` does on its own.
# Seen: the file of `balance` and `speed` is, byte for byte, that of `none`. With `--compress-all` in front both compress.
# So does `--compress-all` alone, in the mode `balance`; of a real kernel that leaves 22 % more than `size`, which takes
# 30 to 100 times the CPU.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet --no-deps --target toolkit nvidia-cuda-nvcc==13.0.88
bin=toolkit/nvidia/cu13/bin
printf '.version 9.0\n.target sm_80\n.address_size 64\n.visible .entry kernel() { ret; }\n' > kernel.ptx
"$bin/ptxas" -arch=sm_80 kernel.ptx -o kernel.cubin
# made NAME OPTION...: put the machine code into the fat binary NAME
made() {
    "$bin/fatbinary" "--create=$1" -64 "${@:2}" --image3=kind=elf,sm=80,file=kernel.cubin
}
made none --compress-mode=none
made size --compress-mode=size
made all --compress-all
for mode in balance speed; do
    made "$mode" "--compress-mode=$mode"
    made "$mode-all" --compress-all "--compress-mode=$mode"
    cmp none "$mode" || { echo "changed: $mode compresses on its own"; exit 1; }
done
stat --format '%s %n' none size balance balance-all speed-all all
cmp all balance-all
for one in size balance-all speed-all; do [ "$(stat --format %s "$one")" -lt "$(stat --format %s none)" ]; done
echo 'seen: fatbinary 13.0.88 compresses machine code in the modes balance and speed only with --compress-all'
