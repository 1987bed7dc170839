"""Logs of builds on disk: their bytes, a piece at a time, and which is the newest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from factory.errors import UsageError

_BLOCK = 4_194_304  # bytes

_REMEDY = "Name the log: nox -s diagnose -- FILE, or - to read it from standard input."


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of the file ``path``. Raises UsageError where it cannot be read."""
    try:
        with path.open("rb") as file:
            yield from pieces(file)
    except OSError as error:
        raise UsageError(f"the log cannot be read: {error}", remedy=_REMEDY) from error


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield what is left of ``file``, at most 4 MiB at a time. Raises OSError where it cannot be read."""
    while block := file.read(_BLOCK):
        yield block


def newest(cache: Path) -> Path:
    """Return the log below ``cache`` that was written last. Raises UsageError where there is none."""
    logs = [path for path in (cache / "logs").rglob("*.log") if path.is_file()]
    if not logs:
        raise UsageError(f"there is no log in {cache / 'logs'}", remedy=_REMEDY)
    return max(logs, key=lambda path: path.stat().st_mtime)
