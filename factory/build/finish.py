"""Finish a wheel that upstream's setup.py made: its METADATA names the torch series that it was linked to."""

from __future__ import annotations

import copy
import shutil
import zipfile
from pathlib import Path, PurePosixPath

from factory.errors import WheelBuildError
from factory.wheel import torchpin

_PIECE = 1 << 20


def finish(made: Path, *, torch: str) -> Path:
    """Write the wheel ``made`` anew beside it, for the series ``torch``, and return the path of that.

    Every other member stays as it is, in its place, with its date and rights, so that one build gives one file. Raises
    WheelBuildError where METADATA or RECORD are not what upstream's setup.py writes.
    """
    finished = made.with_name("finished") / made.name
    finished.parent.mkdir(exist_ok=True)
    try:
        with zipfile.ZipFile(made) as source, zipfile.ZipFile(finished, "w") as target:
            changed = _changed(source, torch)
            for entry in source.infolist():
                _copy(entry, source, target, changed.get(entry.filename))
    except ValueError as error:
        raise WheelBuildError(
            f"the wheel {made.name} cannot be tied to torch {torch}",
            why=[str(error)],
            remedy="Upstream's packaging is not the one this factory knows; open an issue with the log of the wheel.",
        ) from error
    return finished


def _changed(wheel: zipfile.ZipFile, torch: str) -> dict[str, bytes]:
    """Return the members that become others."""
    names = {PurePosixPath(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    metadata, record = names.get("METADATA"), names.get("RECORD")
    if metadata is None or record is None:
        raise ValueError("it has no METADATA or no RECORD")
    content = torchpin.pin(wheel.read(metadata), torch)
    return {metadata: content, record: torchpin.record(wheel.read(record), metadata, content)}


def _copy(entry: zipfile.ZipInfo, source: zipfile.ZipFile, target: zipfile.ZipFile, content: bytes | None) -> None:
    into = copy.copy(entry)
    if content is not None:
        target.writestr(into, content)
        return
    with source.open(entry) as reader, target.open(into, "w", force_zip64=entry.file_size >= zipfile.ZIP64_LIMIT) as to:
        shutil.copyfileobj(reader, to, _PIECE)
