"""Reads a shared object: what the loader is told, the GPU code in it, the platform its symbol versions fit.

pyelftools finds the sections that no loader needs, auditwheel knows the platforms.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from functools import cache, partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TypeVar

from auditwheel.architecture import Architecture
from auditwheel.libc import Libc
from auditwheel.policy import WheelPolicies
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section

from factory.platforms import platforms
from factory.wheel import dynamic, fatbin, segments
from factory.wheel.facts import Extension
from factory.wheel.fatbin import Fatbin, GpuCode, Place
from factory.wheel.segments import Layout

_Entry = TypeVar("_Entry")

_GPU_CODE = (".nv_fatbin", "__nv_relfatbin")  # fatbinary_section.h of CUDA
_MACHINES = {row.elf: row.name for row in platforms().values()}
_SOURCE = re.compile(rb"(?<![\w.+@~-])/[\w.+@~-]+(?:/[\w.+@~-]+)+\.(?:cuh?|c|cc|cpp|cxx|h|hpp|inl)\b")
# A damaged table can claim any length, or lead back to its own start; a flash-attn extension has some
# thousand symbols, and all its other tables are shorter.
_MOST_ENTRIES = 100_000


class ElfError(ValueError):
    """The file is no shared object that can be read; the message says where reading stopped."""


def read(path: Path, name: str) -> Extension:
    """Return what the shared object at ``path``, which the wheel calls ``name``, holds.

    Raises ElfError where it is none that can be read.
    """
    try:
        return _read(path, name)
    except Exception as error:  # pyelftools raises whatever its reading of nonsense led to
        raise ElfError(f"{name} is not a readable shared object: {type(error).__name__} {error}".rstrip()) from error


def _read(path: Path, name: str) -> Extension:
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        size = path.stat().st_size
        sections = {section.name: section for section in _sections(elf, size)}
        with mmap(stream.fileno(), 0, access=ACCESS_READ) as whole, memoryview(whole) as image:
            loaded = segments.layout(image)
            found = dynamic.read(image, loaded)
            fatbins, strays = _fatbins(image, loaded, [sections[name] for name in _GPU_CODE if name in sections])
        machine = _MACHINES.get(loaded.machine, f"machine {loaded.machine}")
        return Extension(
            path=name,
            machine=machine,
            defined=found.defined,
            undefined=found.undefined,
            needed=found.needed,
            rpaths=found.rpaths,
            versions=tuple(sorted(found.versions)),
            policy=_platform(machine, found.versions),
            unlisted=_unlisted(machine, found.versions),
            sources=_sources(sections.get(".rodata")),
            fatbins=fatbins,
            strays=strays,
        )


def section_at(path: Path, offset: int) -> str | None:
    """Return the name of the section of the shared object at ``path`` that holds the byte at ``offset``.

    None where none does, as in its header and tables. Raises ElfError where it is none that can be read.
    """
    try:
        with path.open("rb") as stream:
            for section in _sections(ELFFile(stream), path.stat().st_size):
                inside = 0 <= offset - section["sh_offset"] < section["sh_size"]
                if inside and section["sh_type"] not in {"SHT_NULL", "SHT_NOBITS"}:
                    return str(section.name)
    except Exception as error:  # as in read
        raise ElfError(f"{path.name} is not a readable shared object: {type(error).__name__} {error}") from error
    return None


def _sections(elf: ELFFile, size: int) -> Iterator[Section]:
    """Yield the sections that lie inside the file; raise where one claims not to."""
    for section in _bounded(elf.iter_sections()):
        if section["sh_type"] != "SHT_NOBITS" and section["sh_offset"] + section["sh_size"] > size:
            raise ElfError(f"section {section.name} reaches beyond the end")
        yield section


def _bounded(entries: Iterable[_Entry]) -> Iterator[_Entry]:
    for count, entry in enumerate(entries):
        if count == _MOST_ENTRIES:
            raise ElfError(f"a table has more than {_MOST_ENTRIES} entries")
        yield entry


def _platform(machine: str, versions: frozenset[str]) -> str:
    """Return the oldest platform tag whose systems have all ``versions``, by auditwheel's policies."""
    return str(_policies(machine).versioned_symbols_policy({"all": set(versions)}).name)


def _unlisted(machine: str, versions: frozenset[str]) -> tuple[str, ...]:
    """Return those of ``versions`` that no platform tag of auditwheel's has."""
    none = str(_policies(machine).linux.name)
    return tuple(sorted(version for version in versions if _platform(machine, frozenset({version})) == none))


@cache
def _policies(machine: str) -> WheelPolicies:
    return WheelPolicies(libc=Libc.GLIBC, arch=Architecture(machine))


def _sources(section: Section | None) -> tuple[str, ...]:
    data = section.data() if section else b""
    return tuple(sorted({match.decode("ascii", "replace") for match in _SOURCE.findall(data)}))


def hide_all_but(keep: GpuCode, path: Path) -> None:
    """Hide from the driver all GPU code of the shared object at ``path`` but ``keep``.

    The file is changed in place. Raises ElfError where it, or its GPU code, cannot be read.
    """
    try:
        with path.open("r+b") as stream, mmap(stream.fileno(), 0) as whole, memoryview(whole) as image:
            places = fatbin.anywhere(image)
            fatbin.hide(image, keep, places)
    except Exception as error:  # as above
        raise ElfError(
            f"the GPU code of {path.name} cannot be read: {type(error).__name__} {error}".rstrip()
        ) from error
    if not places:
        raise ElfError(f"there is no GPU code in {path.name}")


def _fatbins(
    image: memoryview, loaded: Layout, sections: Iterable[Section]
) -> tuple[tuple[Fatbin, ...], tuple[int, ...]]:
    """Return the fat binaries in a file, and where those are of which its ``sections`` say other than what is loaded.

    The CUDA runtime gets addresses: it takes a fat binary from wherever one is in memory, and reads no section header.
    """
    if any(fatbin.HEADER.search(seam) for seam in segments.seams(image, loaded, fatbin.SHORTEST - 1)):
        raise ElfError("a fat binary begins in one segment and goes on in the next")
    places = fatbin.anywhere(image)
    told = set(itertools.chain.from_iterable(map(partial(_told, image), sections)))
    right = {place for place in places if place in told and loaded.loads(*place)}
    return fatbin.units(image, places), tuple(sorted(start for start, _ in told.union(places) - right))


def _told(image: memoryview, section: Section) -> Iterator[Place]:
    """Yield the places in the file of the fat binaries of a section."""
    at = section["sh_offset"]
    if section["sh_type"] != "SHT_NOBITS":
        with image[at : at + section["sh_size"]] as row:
            yield from ((at + start, at + end) for start, end in fatbin.rows(row))
