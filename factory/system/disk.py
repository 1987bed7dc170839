"""Where files would go, and whether a disk is full: compilers do not say so reliably."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from factory.errors import DiskFullError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system answers whoever writes to a full disk."""

_FLOOR = 32_000_000  # bytes; a compiler removes what it could not finish, some megabytes, before it gives up
_SIGNS = ("no space left on device", "disk quota exceeded")  # programs in Go write them small


def nearest(directory: Path) -> Path:
    """Return ``directory``, or the nearest above it that is there, for it would be made."""
    whole = directory.absolute()
    return next(one for one in (whole, *whole.parents) if os.access(one, os.F_OK))


def named(text: str) -> bool:
    """Return whether the output ``text`` of a program complains of a full disk."""
    return any(sign in text.lower() for sign in _SIGNS)


def filled(directory: Path) -> bool:
    """Return whether so little is free that what was just written below ``directory`` may not be whole.

    g++ 12 reports a full disk as whatever went wrong before it, "No such file or directory" as a rule; ptxas and
    fatbinary of CUDA 12.4 can lose the end of their output and exit 0. So where less is left than was written,
    neither a message nor a success is believed. Raises OSError where ``directory`` is not there.
    """
    written = sum(path.lstat().st_size for path in directory.rglob("*"))
    return shutil.disk_usage(directory).free < max(_FLOOR, written)


@contextlib.contextmanager
def emptied(*drafts: Path) -> Iterator[None]:
    """Remove ``drafts`` where the disk gets full while they are written. Raises DiskFullError then."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        for draft in drafts:
            draft.unlink(missing_ok=True)
        raise DiskFullError(
            f"the disk is full: {drafts[0].parent} takes no more",
            why=[error.strerror or str(error)],
            remedy="Free some space there, or choose another directory; then run the same command again.",
        ) from error
