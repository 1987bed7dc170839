"""Looks at files that may not be there, or not for us: what cannot be read counts as absent."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from factory.system import disk

_MOST = 4_000_000  # bytes; headers and version files are a few kB


def is_file(path: Path) -> bool:
    """Return whether ``path`` is a file that can be seen."""
    try:
        return path.is_file()
    except OSError:  # a directory on the way may not be searched
        return False


def is_directory(path: Path) -> bool:
    """Return whether ``path`` is a directory that can be seen."""
    try:
        return path.is_dir()
    except OSError:
        return False


def matching(directory: Path, pattern: str) -> list[Path]:
    """Return what matches the glob ``pattern`` below ``directory``, in order; nothing where that cannot be searched."""
    try:
        return sorted(directory.glob(pattern))
    except OSError:
        return []


def text_of(path: Path) -> str | None:
    """Return what stands in ``path``, its first 4,000,000 characters at most; None where it cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST)
    except OSError:
        return None


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content, in hexadecimal. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path: Path, content: str | bytes) -> None:
    """Put ``content``, text in UTF-8, at ``path``, for everyone to read.

    Raises OSError, and leaves what was there, where it cannot.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # an index has thousands: a third cheaper than a named file
    draft = Path(name)
    try:
        with open(descriptor, "wb") as sink:  # noqa: PTH123  # it is open already
            os.fchmod(descriptor, 0o644)
            sink.write(content.encode() if isinstance(content, str) else content)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def deliver(made: Path, final: Path) -> None:
    """Copy a finished file so that it is at ``final`` whole, on the disk, or not at all.

    Raises DiskFullError, or OSError; what was there stays then, and nothing else is left.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=final.parent, prefix=f".{final.name}.", delete=False) as sink:
        draft = Path(sink.name)
        try:
            with disk.emptied(draft), made.open("rb") as source:
                shutil.copyfileobj(source, sink)
                sink.flush()
                os.fsync(sink.fileno())
                draft.chmod(0o644)
                draft.replace(final)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
