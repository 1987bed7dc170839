"""Reads a shared object: pyelftools for its tables, auditwheel for the platform its symbol versions fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, ACCESS_WRITE, mmap
from pathlib import Path
from typing import IO, TypeVar

from auditwheel.architecture import Architecture
from auditwheel.elfutils import elf_find_versioned_symbols
from auditwheel.libc import Libc
from auditwheel.policy import WheelPolicies
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection

from factory.wheel import fatbin
from factory.wheel.facts import Extension
from factory.wheel.fatbin import Fatbin, GpuCode

_Entry = TypeVar("_Entry")

_GPU_CODE = ".nv_fatbin"
_MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}
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
        defined, undefined = _symbols(sections.get(".dynsym"))
        tags = tuple(_dynamic(sections.get(".dynamic")))
        versions = {version for _, version in _bounded(elf_find_versioned_symbols(elf))}
        machine = _MACHINES.get(elf["e_machine"], str(elf["e_machine"]))
        return Extension(
            path=name,
            machine=machine,
            defined=defined,
            undefined=undefined,
            needed=tuple(value for tag, value in tags if tag == "DT_NEEDED"),
            rpaths=tuple(part for tag, value in tags if tag != "DT_NEEDED" for part in value.split(":")),
            versions=tuple(sorted(versions)),
            policy=_platform(machine, versions),
            sources=_sources(sections.get(".rodata")),
            fatbins=_fatbins(path, sections.get(_GPU_CODE)),
        )


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


def _symbols(table: Section | None) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the symbols the loader finds here, and of those it must find elsewhere."""
    defined: set[str] = set()
    undefined: set[str] = set()
    for symbol in _bounded(table.iter_symbols()) if isinstance(table, SymbolTableSection) else ():
        if symbol["st_shndx"] != "SHN_UNDEF":
            defined.add(symbol.name)
        elif symbol["st_info"]["bind"] != "STB_WEAK":  # the loader does without those
            undefined.add(symbol.name)
    return frozenset(defined), frozenset(undefined - {""})


def _dynamic(section: Section | None) -> Iterator[tuple[str, str]]:
    """Yield what the loader is told: libraries to load and where to look for them."""
    names = {"DT_NEEDED": "needed", "DT_RPATH": "rpath", "DT_RUNPATH": "runpath"}
    for tag in _bounded(section.iter_tags()) if isinstance(section, DynamicSection) else ():
        kind = tag.entry.d_tag
        if kind in names:
            yield kind, getattr(tag, names[kind])


def _platform(machine: str, versions: set[str]) -> str:
    """Return the oldest platform tag whose systems have all ``versions``, by auditwheel's policies."""
    policies = WheelPolicies(libc=Libc.GLIBC, arch=Architecture(machine))
    return str(policies.versioned_symbols_policy({"all": versions}).name)


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
