"""What an object file holds, for tests that compare two of them."""

from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from factory.wheel import fatbin
from factory.wheel.fatbin import Fatbin


def gpu_code(path: Path) -> bytes:
    with path.open("rb") as stream:
        section = ELFFile(stream).get_section_by_name(".nv_fatbin")
        assert section is not None, f"{path} has no .nv_fatbin"
        return bytes(section.data())


def gpu_units(path: Path) -> tuple[Fatbin, ...]:
    return fatbin.units(gpu_code(path), fatbin.rows(gpu_code(path)))


def symbols(path: Path) -> set[tuple[str, str, str]]:
    """Name, binding and type of each named symbol, sections and source file apart."""
    with path.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        found = ((row.name, row["st_info"]["bind"], row["st_info"]["type"]) for row in table.iter_symbols())
        return {row for row in found if row[0] and row[2] not in {"STT_SECTION", "STT_FILE"}}
