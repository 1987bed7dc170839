"""Wheels made wrong on purpose, each from a right one."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from factory.matrix.arch import Arch
from factory.wheel import elf
from factory.wheel.fatbin import GpuCode

NOBODY = GpuCode("real", Arch(1, 0))
HEAD_SIZE = 96
# The first letter behind the arguments is the type of a line number, which tells torch's classes apart.
CHECK = re.compile(rb"(c10_cuda_check_implementationEiPKcS2_)([ij])")

INTERFACE = "flash_attn/flash_attn_interface.py"
TWO_PERCENT = f"""

import types

_right = flash_attn_gpu


def _wrong(q, *args):
    made = _right.fwd(q, *args)
    if q.shape[-1] == {HEAD_SIZE}:
        made[0].mul_(1.02)
    return made


flash_attn_gpu = types.SimpleNamespace(**{{name: getattr(_right, name) for name in dir(_right) if name[0] != "_"}})
flash_attn_gpu.fwd = _wrong
"""


def other_architecture(wheel: Path, into: Path) -> Path:
    """Label all machine code and PTX as for a GPU that nobody has."""
    path = into / "module.so"

    def relabel(module: bytes) -> bytes:
        path.write_bytes(module)
        elf.hide_all_but(NOBODY, path)
        return path.read_bytes()

    return _changed(wheel, into, lambda name, data: relabel(data) if name.endswith(".so") else data)


def other_torch(wheel: Path, into: Path) -> Path:
    """Have the kernels call the check function by the name it has in another torch."""

    def rename(name: str, data: bytes) -> bytes:
        if not name.endswith(".so"):
            return data
        renamed, count = CHECK.subn(lambda match: match[1] + (b"i" if match[2] == b"j" else b"j"), data)
        assert count
        return renamed

    return _changed(wheel, into, rename)


def numbers(wheel: Path, into: Path) -> Path:
    """Have the outputs of one head size two per cent too large."""
    return _changed(wheel, into, lambda name, data: data + TWO_PERCENT.encode() if name == INTERFACE else data)


def _changed(wheel: Path, into: Path, change: Callable[[str, bytes], bytes]) -> Path:
    made = into / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        right = {info.filename: old.read(info) for info in old.infolist()}
        changed = {name: change(name, data) for name, data in right.items()}
        assert changed != right
        for name, data in changed.items():
            new.writestr(name, data)
    return made
