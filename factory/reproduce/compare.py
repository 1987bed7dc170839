"""Where two files of one wheel's name differ: which members, from which byte on, in which section of an extension."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from factory.wheel import elf

_PIECE = 1 << 20
# What a difference in a section of an extension comes from, as a rule.
_MEANING = {
    ".nv_fatbin": "GPU code",
    ".text": "host code",
    ".rodata": "constants of the host code, such as paths",
    ".comment": "versions of the compilers",
    ".note.gnu.build-id": "hash over the rest",
    ".strtab": "names of symbols",
    ".dynstr": "names of symbols and libraries",
}


def wheel_differences(made: Path, again: Path) -> Iterator[str]:
    """Yield what differs between two wheels, a line each; nothing where they are the same byte for byte."""
    if first_difference(made, again) is None:
        return
    with zipfile.ZipFile(made) as one, zipfile.ZipFile(again) as other, TemporaryDirectory() as directory:
        told = list(_members(one, other, Path(directory)))
    yield from told or ["the members are the same, but not how they are packed: another zlib, other dates or rights"]


def _members(one: zipfile.ZipFile, other: zipfile.ZipFile, directory: Path) -> Iterator[str]:
    ours, theirs = ({entry.filename: entry for entry in wheel.infolist()} for wheel in (one, other))
    yield from (f"{name} is only in the wheel that was there" for name in ours if name not in theirs)
    yield from (f"{name} is only in the wheel made again" for name in theirs if name not in ours)
    common = [name for name in ours if name in theirs]
    if common != [name for name in theirs if name in ours]:
        yield "the members are in another order"
    for name in common:
        paths = directory / "one", directory / "other"
        for wheel, path in zip((one, other), paths, strict=True):
            with wheel.open(name) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target, _PIECE)
        at = first_difference(*paths)
        if at is not None:
            yield f"{name} differs from byte {at} on{_section(paths[0], at, name)}"


def first_difference(one: Path, other: Path) -> int | None:
    """Return the offset of the first byte in which two files differ, None where they are the same."""
    at = 0
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            ours, theirs = left.read(_PIECE), right.read(_PIECE)
            if ours != theirs:
                pairs = enumerate(zip(ours, theirs, strict=False))
                return at + next((n for n, (a, b) in pairs if a != b), min(len(ours), len(theirs)))
            if not ours:
                return None
            at += len(ours)


def _section(path: Path, at: int, name: str) -> str:
    if not name.endswith(".so"):
        return ""
    try:
        found = elf.section_at(path, at)
    except elf.ElfError as error:
        return f": {error}"
    if found is None:
        return ", in the tables of the ELF file"
    meaning = _MEANING.get(found)
    return f", in section {found}" + (f" ({meaning})" if meaning else "")
