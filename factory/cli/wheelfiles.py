"""Holds what was typed for wheels to be some, before anything is read, sent or written beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from factory.errors import UsageError
from factory.output.progress import counted

_SUFFIX = ".whl"
_MOST = 10  # names that are shown; `dist/*` may hold hundreds


def only(files: Iterable[Path], example: str) -> None:
    """Raise UsageError where some of ``files`` are no wheels by their names; ``example`` is a command that is right."""
    others = [file for file in files if file.suffix != _SUFFIX]
    if not others:
        return
    more = [f"and {len(others) - _MOST} more"] if len(others) > _MOST else []
    raise UsageError(
        f"{counted(len(others), 'file')} named here {'is no wheel' if len(others) == 1 else 'are no wheels'}",
        why=[*(str(file) for file in others[:_MOST]), *more],
        remedy=f"Nothing was done. Name files that end in {_SUFFIX}: nox -s {example}",
    )
