"""What the end of a program means to an image that is being made."""

from __future__ import annotations

from factory.errors import DiskFullError, ImageError
from factory.system import disk
from factory.system.process import Completed

_SHOWN = 6  # lines
_WIDEST = 300  # characters: debootstrap can name hundreds of packages in one line


def must(done: Completed, failure: str) -> None:
    """Pass over what ended well.

    Raises DiskFullError where a disk is full, else ImageError; either starts with ``failure``.
    """
    if done.ok:
        return
    text = f"{done.stdout}\n{done.stderr}"
    if disk.named(text):
        why = last_lines("\n".join(filter(disk.named, text.splitlines())))[-1:]
        raise DiskFullError(failure, why=why, remedy="Free some space, then the same command again.")
    why = last_lines(text) or [f"status {done.status}"]
    raise ImageError(failure, why=why, remedy="Mend that, then the same command again.")


def last_lines(text: str) -> list[str]:
    """Return the last lines that say something, each cut to a width that can be read."""
    lines = [line.strip() for line in text.splitlines() if line.strip()][-_SHOWN:]
    return [line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…" for line in lines]
