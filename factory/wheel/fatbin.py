"""What fat binaries hold: which machine code and which PTX, for which capabilities.

NVIDIA does not document the layout. It was read off the output of nvcc 12.4, 13.0 and 13.5 and is compared with
``cuobjdump`` by ``tests/data/fatbin/make.sh``. A section is a row of containers, one for each translation
unit, each on its own alignment; a container is a row of images. An image of kind 0x100 (nvcc 13.4's ``--concat``)
is several that were compressed together: behind its own header stand theirs, each with the place of its content
where the size of a header would be. Headers are never compressed, and only they tell ``sm_90a`` from ``sm_90`` and
``sm_100f`` from ``sm_100``: from CUDA 13 on machine code itself does not.

Own code, for there is no library that reads them, and ``cuobjdump`` is a toolkit's: an audit needs none, and takes
what no toolkit of its time would, damaged and hostile files among it.
"""

from __future__ import annotations

import itertools
import re
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from factory.matrix.arch import Arch
from factory.wheel import cubin

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MAGIC = 0xBA55ED50
_ALIGNMENT = 8
HEADER = re.compile(rb"\x50\xed\x55\xba[^\0]\0[\x10-\xff]\0", re.DOTALL)
"""How every fat binary begins: the magic number, and a version and a size of the header below 256."""
SHORTEST = 8
"""Bytes of which one is told."""

Place = tuple[int, int]
"""Offsets of a container's first byte and of the one behind its last."""

_CONTAINER = struct.Struct("<IHHQ")  # magic, version, size of this header, size of all images
# kind, version, header size, padded payload size, …, where what is behind these fields starts, …, capability, …, flags
_IMAGE = struct.Struct("<HHIQ4xI4xI8xQ16x")
_CONCATENATED = 0x100
_MEMBERS = struct.Struct("<II")  # behind a concatenated image's fields: how many it has, size of this and their headers
_BEHIND = struct.Struct("<4xI8x")  # behind another's fields: the size of what follows this
_CAPABILITY = struct.calcsize("<HHIQ12x")  # where in that header the capability stands, as 32 bits
_NOBODY = 999  # a capability that no GPU has: newer than any for PTX, of another major for machine code
_KINDS: dict[int, Literal["real", "ptx"]] = {1: "ptx", 2: "real"}
_SUFFIXES = ((1 << 20, "a"), (1 << 21, "f"))
_ZSTD = "zstd"
_COMPRESSIONS = ((1 << 13, "lz4"), (1 << 15, _ZSTD))
_SIZES = struct.Struct("<16xI36xQ")  # of an image's payload: compressed, without what pads it, and plain
_MOST = 100_000  # containers: a flash-attn extension has some hundred, and each byte of a file might begin one
_LARGEST = 1 << 28  # bytes: what a header claims to unpack to may be anything; a cubin of flash-attn has some megabytes
PLAIN = "none"
"""How machine code is compressed that is not."""


class FatbinError(ValueError):
    """The bytes are not a row of fat binaries; the message gives the offset."""


@dataclass(frozen=True, order=True)
class GpuCode:
    """One compiled form of a translation unit: machine code (``real``) or ``ptx``."""

    kind: Literal["real", "ptx"]
    arch: Arch

    def __str__(self) -> str:
        """Name it as nvcc's ``code=`` does: ``sm_90a``, ``compute_89``."""
        return f"{'sm' if self.kind == 'real' else 'compute'}_{self.arch.number}"


@dataclass(frozen=True)
class Fatbin:
    """The images of one translation unit, in the order they stand.

    ``compressions`` say how their machine code is compressed: ``zstd``, ``lz4`` or ``none``; one in a wheel of ours.
    ``toolkits`` are the CUDA releases that made it, ``12.4``, as far as it can be read: ``lz4`` and what was compressed
    together is not.
    """

    images: tuple[GpuCode, ...]
    compressions: frozenset[str] = frozenset()
    toolkits: frozenset[str] = frozenset()


def rows(section: bytes | memoryview) -> Iterator[Place]:
    """Yield the place of each container in a section of them, in which nothing else stands but zeros, for alignment.

    Raises FatbinError when a header is unknown, damaged or points outside the section.
    """
    at = 0
    while at + _CONTAINER.size <= len(section):
        if _CONTAINER.unpack_from(section, at)[0] == 0:
            at += _ALIGNMENT
            continue
        end = _end(section, at)
        yield at, end
        at = end + -end % _ALIGNMENT
    if any(section[at:]):
        raise FatbinError(f"{len(section) - at} bytes too many at offset {at:#x}")


def anywhere(image: bytes | memoryview) -> list[Place]:
    """Return the place of each container in a file, wherever it stands: a program can name any to the CUDA runtime.

    Of files of 250 MB with random bytes, as compressed code is, one in a million looks as if it had one more. Raises
    FatbinError when one is damaged, of a version that nobody knows, or stands inside another.
    """
    starts = [found.start() for found in itertools.islice(HEADER.finditer(image), _MOST + 1)]
    if len(starts) > _MOST:
        raise FatbinError(f"there are more than {_MOST} fat binaries")
    places: list[Place] = []
    for at in starts:
        if places and at < places[-1][1]:
            raise FatbinError(f"the fat binary at offset {at:#x} stands inside another")
        places.append((at, _end(image, at)))
    return places


def units(image: bytes | memoryview, places: Iterable[Place]) -> tuple[Fatbin, ...]:
    """Return the containers at ``places``. Raises FatbinError when one is damaged."""
    return tuple(_fatbin(image, *_inside(image, place)) for place in places)


def hide(image: memoryview, keep: GpuCode, places: Iterable[Place]) -> None:
    """Relabel, in place, every image at ``places`` but ``keep`` as one for no GPU, so that the driver takes no other.

    Raises FatbinError as ``units`` does.
    """
    for place in places:
        for at, code, _ in _images(image, *_inside(image, place)):
            if code != keep:
                struct.pack_into("<I", image, at + _CAPABILITY, _NOBODY)


def images(wanted: Iterable[Arch]) -> frozenset[GpuCode]:
    """Return the images that each translation unit has when it was compiled for ``wanted``."""
    asked = tuple(wanted)
    real = {GpuCode("real", arch.real) for arch in asked}
    return frozenset(real | {GpuCode("ptx", arch.real) for arch in asked if arch.ptx})


def _fatbin(section: bytes | memoryview, start: int, end: int) -> Fatbin:
    found = list(_images(section, start, end))
    return Fatbin(
        images=tuple(image for _, image, _ in found),
        compressions=frozenset(_compression(flags) for _, image, flags in found if image.kind == "real"),
        toolkits=frozenset(filter(None, map(cubin.toolkit, _machine_code(section, start, end)))),
    )


def _machine_code(section: bytes | memoryview, at: int, end: int) -> Iterator[bytes]:
    """Yield the machine code from ``at`` to ``end`` that can be read, unpacked."""
    while at < end:
        kind, header, payload, _, _, flags = _fields(section, at, end)
        packing = _compression(flags)
        if _KINDS.get(kind) == "real" and packing in {PLAIN, _ZSTD}:
            packed, plain = _SIZES.unpack_from(section, at)
            content = bytes(section[at + header : at + header + payload])
            yield content if packing == PLAIN else _unpacked(content[:packed], plain, at)
        at += header + payload


def _unpacked(content: bytes, size: int, at: int) -> bytes:
    try:
        return zstd.ZstdDecompressor().decompress(content, max_length=min(size, _LARGEST))
    except (zstd.ZstdError, EOFError) as error:
        raise FatbinError(f"the machine code at offset {at:#x} cannot be decompressed") from error


def _compression(flags: int) -> str:
    return next((name for bit, name in _COMPRESSIONS if flags & bit), PLAIN)


def _end(image: bytes | memoryview, at: int) -> int:
    """Return where the container at ``at`` ends."""
    if at + _CONTAINER.size <= len(image):
        magic, version, header, size = _CONTAINER.unpack_from(image, at)
        end = int(at + header + size)
        if magic == _MAGIC and version == 1 and header >= _CONTAINER.size and end <= len(image):
            return end
    raise FatbinError(f"no valid fat binary header at offset {at:#x}")


def _inside(image: bytes | memoryview, place: Place) -> tuple[int, int]:
    """Return where the images of the container at ``place`` start and end."""
    start, end = place
    return start + int(_CONTAINER.unpack_from(image, start)[2]), end


def _images(section: bytes | memoryview, at: int, end: int) -> Iterator[tuple[int, GpuCode, int]]:
    """Yield the offset of each image's header, what it says, and the flags of what was compressed as one."""
    while at < end:
        kind, header, payload, _, _, flags = _fields(section, at, end)
        if header < _IMAGE.size or at + header + payload > end:
            raise FatbinError(f"no valid image header (kind {kind}) at offset {at:#x}")
        if kind == _CONCATENATED:
            yield from ((*member, flags) for member in _members(section, at + _IMAGE.size, at + header))
        else:
            yield at, _code(section, at, end), flags
        at += header + payload


def _members(section: bytes | memoryview, at: int, end: int) -> Iterator[tuple[int, GpuCode]]:
    """Yield the same of the images of a concatenated one, whose list stands from ``at`` to ``end``."""
    count, size = _MEMBERS.unpack_from(section, at) if at + _MEMBERS.size <= end else (0, 0)
    if not count or at + size != end:
        raise FatbinError(f"no valid list of images at offset {at:#x}")
    at += _MEMBERS.size
    for _ in range(count):
        yield at, _code(section, at, end)
        behind = _fields(section, at, end)[3]
        at += _IMAGE.size
        if behind:
            if behind != _IMAGE.size or at + _BEHIND.size > end:
                raise FatbinError(f"no valid end of an image header at offset {at:#x}")
            at += _BEHIND.size + _BEHIND.unpack_from(section, at)[0]
    if at != end:
        raise FatbinError(f"the list of images does not end at offset {end:#x}")


def _fields(section: bytes | memoryview, at: int, end: int) -> tuple[int, int, int, int, int, int]:
    """Return kind, header size, payload size, place of what is behind, capability and flags of the image at ``at``."""
    if at + _IMAGE.size > end:
        raise FatbinError(f"the image at offset {at:#x} is cut off")
    kind, _, header, payload, behind, number, flags = _IMAGE.unpack_from(section, at)
    return kind, header, payload, behind, number, flags


def _code(section: bytes | memoryview, at: int, end: int) -> GpuCode:
    kind, _, _, _, number, flags = _fields(section, at, end)
    if kind not in _KINDS:
        raise FatbinError(f"no valid image header (kind {kind}) at offset {at:#x}")
    return GpuCode(_KINDS[kind], _capability(number, flags))


def _capability(number: int, flags: int) -> Arch:
    suffix = "".join(letter for bit, letter in _SUFFIXES if flags & bit)
    return Arch(number // 10, number % 10, suffix)
