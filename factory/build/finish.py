"""Finish a wheel that upstream's setup.py made: METADATA names the torch it was linked to, an SBOM what is in it."""

from __future__ import annotations

import copy
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from factory.build import sbom
from factory.build.sbom import Materials
from factory.errors import WheelBuildError
from factory.matrix.model import Cell
from factory.system import zips
from factory.wheel import torchpin
from factory.wheel.facts import SBOM
from factory.wheel.record import with_members

_TEXT = 8_000_000  # bytes, of METADATA and of RECORD


@dataclass(frozen=True, kw_only=True)
class _Change:
    """Members by path, ``added`` in front of ``record``, which is among those ``renewed``."""

    record: str
    renewed: Mapping[str, bytes]
    added: Mapping[str, bytes]


def finished(made: Path, cell: Cell, materials: Materials) -> Path:
    """Return where the wheel ``made`` of ``cell``, which ``materials`` went into, lies finished.

    Raises WheelBuildError as ``finish`` does, SourceError as ``sbom.describe`` does.
    """
    return finish(made, torch=cell.torch, materials=sbom.describe(cell, materials))


def finish(made: Path, *, torch: str, materials: bytes) -> Path:
    """Write the wheel ``made`` anew beside it, for the series ``torch``, and return the path of that.

    The document ``materials`` goes in. Every other member stays as it is, in its place, with its date; its rights are
    755 or 644, whatever the umask of whoever builds, so that one build gives one file. Raises WheelBuildError where
    it is no whole zip file, or METADATA or RECORD are not what upstream's setup.py writes.
    """
    final = made.with_name("finished") / made.name
    final.parent.mkdir(exist_ok=True)
    try:
        with zips.opened(made) as source, zipfile.ZipFile(final, "w") as target:
            change = _change(source, torch, materials)
            for entry in source.infolist():
                for path, content in change.added.items() if entry.filename == change.record else ():
                    target.writestr(_like(entry, path), content)
                _copy(entry, source, target, change.renewed.get(entry.filename))
    except ValueError as error:
        raise WheelBuildError(
            f"the wheel {made.name} cannot be tied to torch {torch}",
            why=[str(error)],
            remedy="Upstream's packaging is not the one this factory knows; open an issue with the log of the wheel.",
        ) from error
    return final


def _change(wheel: zipfile.ZipFile, torch: str, materials: bytes) -> _Change:
    names = {PurePosixPath(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    metadata, record = names.get("METADATA"), names.get("RECORD")
    if metadata is None or record is None:
        raise ValueError("it has no METADATA or no RECORD")
    renewed = {metadata: torchpin.pin(zips.content(wheel, wheel.getinfo(metadata), _TEXT), torch)}
    added = {str(PurePosixPath(record).parent / SBOM): materials}
    renewed[record] = with_members(zips.content(wheel, wheel.getinfo(record), _TEXT), renewed=renewed, added=added)
    return _Change(record=record, renewed=renewed, added=added)


def _like(entry: zipfile.ZipInfo, path: str) -> zipfile.ZipInfo:
    """Return a member to be at ``path``, with the date of ``entry``, to be read by everybody."""
    made = zipfile.ZipInfo(path, entry.date_time)
    made.compress_type, made.external_attr = entry.compress_type, _rights(0)
    return made


def _rights(mode: int) -> int:
    """Return a file's rights as zip writes them: 755 where its owner may run it by ``mode``, else 644."""
    return (stat.S_IFREG | (0o755 if mode & stat.S_IXUSR else 0o644)) << 16


def _copy(entry: zipfile.ZipInfo, source: zipfile.ZipFile, target: zipfile.ZipFile, content: bytes | None) -> None:
    into = copy.copy(entry)
    into.external_attr = _rights(entry.external_attr >> 16)
    if content is not None:
        target.writestr(into, content)
        return
    with target.open(into, "w", force_zip64=entry.file_size >= zipfile.ZIP64_LIMIT) as to:
        for piece in zips.pieces(source, entry):
            to.write(piece)
