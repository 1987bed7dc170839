"""What machine code says of the toolkit that made it.

A cubin is an ELF file; NVIDIA does not document what its ``.nv.info`` sections hold. That each kernel's has the
attribute CUDA_API_VERSION (so ``cuobjdump -elf`` calls it), ten times the major plus the minor of the CUDA whose ptxas
made it, was read off the output of ptxas 12.4, 13.0, 13.2 and 13.5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_MAGIC = b"\x7fELF"
_SECTIONS = struct.Struct("<40xQ10xHH2x")  # of a 64-bit ELF header: where section headers start, their size, how many
_SECTION = struct.Struct("<4xI16xQQ")  # type, where it starts, its size
_NV_INFO = 0x70000000
_ATTRIBUTE = struct.Struct("<BBH")  # format, which, and a value or the size of what follows
_SIZED = 4  # the format with something following
_CUDA_API_VERSION = 0x37
_NUMBER = struct.Struct("<I")


def toolkit(cubin: bytes) -> str | None:
    """Return the CUDA release whose ptxas made ``cubin``, ``12.4``; None where it does not say or is no whole cubin."""
    if not cubin.startswith(_MAGIC):
        return None
    try:
        number = next(_versions(cubin), None)
    except struct.error:
        return None
    return None if number is None else f"{number // 10}.{number % 10}"


def _versions(cubin: bytes) -> Iterator[int]:
    start, size, count = _SECTIONS.unpack_from(cubin)
    for at in range(start, start + size * count, size or 1):
        kind, offset, length = _SECTION.unpack_from(cubin, at)
        if kind == _NV_INFO:
            yield from _in_section(cubin[offset : offset + length])


def _in_section(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        form, which, value = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size
        if form == _SIZED:
            if which == _CUDA_API_VERSION:
                yield _NUMBER.unpack_from(data, at)[0]
            at += value
