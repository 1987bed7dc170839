"""Which bytes of a shared object the loader maps, and where: the head of an ELF file and its program headers.

Section headers are for linkers and debuggers; the loader looks at none, so nothing here does. Layout: the generic ABI
(https://gabi.xinuos.com) for 64 bits, little-endian, as both of our machines are.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_IDENTITY = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_HEADER = struct.Struct("<16xHHIQQQIHHH")  # type, machine, version, entry, segments at, …, size and number of them
_SEGMENT = struct.Struct("<IIQQQQQQ")  # type, flags, offset, address, …, size in the file, size in memory, alignment
_LOAD, _DYNAMIC = 1, 2
_PAGE = 4096
_PAGES = (_PAGE, 16384, 65536)  # bytes: x86-64 has the first, aarch64 any, as its kernel was built


@dataclass(frozen=True)
class Segment:
    """``filled`` bytes of the file, from ``offset`` on, that are at ``address`` in memory; with zeros ``size``."""

    offset: int
    address: int
    filled: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What is loaded, in the order of its addresses, and the address of the dynamic table, None where there is none."""

    machine: int
    segments: tuple[Segment, ...]
    dynamic: int | None

    def place(self, address: int, size: int) -> int:
        """Return where in the file ``size`` bytes at ``address`` come from. Raises ValueError if from nowhere."""
        for one in self.segments:
            if one.address <= address and address + size <= one.address + one.filled:
                return one.offset + address - one.address
        raise ValueError(f"nothing of the file is loaded at {address:#x}")

    def loads(self, start: int, end: int) -> bool:
        """Whether the bytes of the file from ``start`` to ``end`` are in memory side by side."""
        return any(one.offset <= start and end <= one.offset + one.filled for one in self.segments)


def layout(image: memoryview) -> Layout:
    """Return how the shared object ``image`` is loaded.

    Raises ValueError or struct.error where it is none, is damaged, or what is loaded hangs on the size of pages.
    """
    if bytes(image[: len(_IDENTITY)]) != _IDENTITY:
        raise ValueError("it is no ELF file of 64 bits, little-endian")
    _, machine, _, _, at, _, _, _, size, count = _HEADER.unpack_from(image)
    rows = [_SEGMENT.unpack_from(image, at + number * size) for number in range(count)]
    segments = tuple(Segment(*row[2:4], *row[5:7]) for row in rows if row[0] == _LOAD)
    for before, after in itertools.pairwise(segments):
        if after.address // _PAGE * _PAGE < before.address + before.size:
            raise ValueError("its segments overlap")
    tables = [row[3] for row in rows if row[0] == _DYNAMIC]
    return Layout(machine=machine, segments=segments, dynamic=tables[-1] if tables else None)


def seams(image: memoryview, there: Layout, width: int) -> Iterator[bytes]:
    """Yield what is side by side in memory where one segment of ``there`` meets the next: ``width`` bytes of each.

    Whole pages are mapped, so what stands before and behind a segment in the file is there too.
    """
    for (one, other), page in itertools.product(itertools.pairwise(there.segments), _PAGES):
        if _up(one.address + one.filled, page) == other.address // page * page:
            end, start = _up(one.offset + one.filled, page), other.offset // page * page
            yield bytes(image[max(end - width, 0) : end]) + bytes(image[start : start + width])


def _up(number: int, page: int) -> int:
    return number + -number % page
