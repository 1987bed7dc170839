"""Reads a shared object: what the loader is told, the GPU code in it, the platform its symbol versions fit.

pyelftools finds the sections that no loader needs, auditwheel knows the platforms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, ACCESS_WRITE, mmap
from pathlib import Path
from typing import IO, TypeVar

from auditwheel.architecture import Architecture
from auditwheel.libc import Libc
from auditwheel.policy import WheelPolicies
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section

from factory.platforms import platforms
from factory.wheel import dynamic, fatbin
from factory.wheel.facts import Extension
from factory.wheel.fatbin import Fatbin, GpuCode

_Entry = TypeVar("_Entry")

_GPU_CODE = ".nv_fatbin"
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
            found = dynamic.read(image)
        machine = _MACHINES.get(found.machine, f"machine {found.machine}")
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
            fatbins=_fatbins(path, sections.get(_GPU_CODE)),
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
        with path.open("r+b") as stream:
            section = next(one for one in ELFFile(stream).iter_sections() if one.name == _GPU_CODE)
            with _mapped(stream, section, ACCESS_WRITE) as data:
                fatbin.hide(data, keep)
    except Exception as error:  # as above
        raise ElfError(
            f"the GPU code of {path.name} cannot be read: {type(error).__name__} {error}".rstrip()
        ) from error


def _fatbins(path: Path, section: Section | None) -> tuple[Fatbin, ...]:
    if section is None or section["sh_size"] == 0:
        return ()
    with path.open("rb") as stream, _mapped(stream, section, ACCESS_READ) as data:
        return fatbin.parse(data)


@contextmanager
def _mapped(stream: IO[bytes], section: Section, access: int) -> Iterator[memoryview]:
    """Return the GPU code in place: it is up to a gigabyte, so it is mapped and never copied."""
    start, size = section["sh_offset"], section["sh_size"]
    with (
        mmap(stream.fileno(), 0, access=access) as whole,
        memoryview(whole) as view,
        view[start : start + size] as data,
    ):
        yield data
