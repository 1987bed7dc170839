"""Reads what nvcc leaves behind: machine code kernel by kernel, and the symbols of host objects.

Whatever names a symbol by its number is read with the symbol's name, for numbers shift with each header that
is included. Variables that headers define are left out: a kernel that used one would name it in a relocation.
The layout of ``.nv.info`` is not documented; it was read off the output of nvcc 12.4 and 13.0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, Symbol, SymbolTableSection

from factory.prove.proof import Code, HostSymbols
from factory.system import process

_TEXT = ".text."
_ATTRIBUTES = ".nv.info"
_ATTRIBUTE = struct.Struct("<BBH")  # format, which, and a value or the size of what follows
_SIZED = 4  # the format with something following
# PARAM_CBANK, FRAME_SIZE, MIN_STACK_SIZE, MAX_STACK_SIZE, REGCOUNT: what follows begins with a symbol's number.
_WITH_SYMBOL = frozenset({0x0A, 0x11, 0x12, 0x23, 0x2F})
# ELF's own structures, for the tables of kinds that only NVIDIA knows: Elf64_Rela, and the name in Elf64_Sym.
_RELA = struct.Struct("<QQq")
_SYMBOL = struct.Struct("<I20x")


def read_code(path: Path) -> Code:
    """Return the machine code of a cubin. Raises pyelftools' ELFError for a file that is no ELF."""
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        sections = {row.name: row for row in elf.iter_sections()}
        kernels = [name.removeprefix(_TEXT) for name in sections if name.startswith(_TEXT)]
        found = {name: dict(_kernel(name, sections, elf)) for name in kernels}
        for line in _attributes(sections[_ATTRIBUTES], elf) if _ATTRIBUTES in sections else ():
            for name in kernels:
                if line.endswith(f" {name}"):
                    found[name][f"{_ATTRIBUTES} {line.split()[0]}"] = line.encode()
        return Code({f"{name} {what}": content for name, parts in found.items() for what, content in parts.items()})


def read_symbols(path: Path) -> HostSymbols:
    """Return the symbols of an object file that a linker sees, but for variables that headers define.

    Raises pyelftools' ELFError for a file that is no ELF.
    """
    with path.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        symbols = list(table.iter_symbols()) if isinstance(table, SymbolTableSection) else []
        shared = [row for row in symbols if row["st_info"]["bind"] != "STB_LOCAL"]
        undefined = frozenset(row.name for row in shared if row["st_shndx"] == "SHN_UNDEF")
        own = [row.name for row in shared if _strong(row) or row["st_info"]["type"] != "STT_OBJECT"]
        return HostSymbols(defined=frozenset(own) - undefined, undefined=undefined)


def disassemble(path: Path, kernel: str, tool: Path) -> list[str]:
    """Return the instructions of ``kernel`` (its mangled name), a line each, as NVIDIA's ``cuobjdump`` writes them.

    None of them where ``tool``, that program, does not take the file or needs more than two minutes.
    """
    done = process.run([tool, "-sass", "-fun", kernel, path], timeout=120)
    return [line.strip() for line in done.stdout.splitlines() if "/*0" in line] if done.ok else []


def _kernel(name: str, sections: dict[str, Section], elf: ELFFile) -> Iterator[tuple[str, bytes]]:
    """Yield what belongs to the kernel ``name``: instructions, constants, shared memory, attributes, relocations."""
    for title, section in sections.items():
        if not title.endswith(f".{name}"):
            continue
        what = title.removesuffix(f".{name}")
        if what.endswith(_ATTRIBUTES):
            yield what, "\n".join(_attributes(section, elf)).encode()
        elif ".rela." in what or ".rel." in what:
            yield what, "\n".join(_relocations(section, elf)).encode()
        else:
            yield what, bytes(section["sh_size"]) if section["sh_type"] == "SHT_NOBITS" else bytes(section.data())


def _attributes(section: Section, elf: ELFFile) -> Iterator[str]:
    """Yield a line for each attribute, a symbol's name last where it has one."""
    data, names = section.data(), _names(section, elf)
    at = 0
    while at < len(data):
        kind, which, value = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size
        content = data[at : at + value] if kind == _SIZED else b""
        at += len(content)
        if which in _WITH_SYMBOL and kind == _SIZED:
            yield f"{which:#04x} {content[4:].hex()} {names[int.from_bytes(content[:4], 'little')]}"
        else:
            yield f"{which:#04x} {content.hex() or value}"


def _relocations(section: Section, elf: ELFFile) -> Iterator[str]:
    names = _names(section, elf)
    size = section["sh_entsize"]
    for at in range(0, section["sh_size"], size):
        entry = section.data()[at : at + size].ljust(_RELA.size, b"\0")
        offset, info, addend = _RELA.unpack(entry)
        yield f"{offset:#x} {info & 0xFFFFFFFF:#x} {names[info >> 32]} {addend}"


def _names(section: Section, elf: ELFFile) -> list[str]:
    """Return the names in the symbol table that ``section`` is linked to."""
    table = elf.get_section(section["sh_link"])
    text = elf.get_section(table["sh_link"]).data()
    offsets = [offset for (offset,) in _SYMBOL.iter_unpack(table.data())]
    return [text[offset : text.index(b"\0", offset)].decode() for offset in offsets]


def _strong(symbol: Symbol) -> bool:
    return bool(symbol["st_info"]["bind"] == "STB_GLOBAL")
