"""Paths and names that data give: below the directory they are joined to, or refused."""

from __future__ import annotations

from pathlib import Path, PurePosixPath


def inner(name: str) -> PurePosixPath:
    """Return the path ``name``, which leads to something below wherever it is joined to.

    Raises ValueError where it leads out, to that place itself, or holds signs that no name has.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{name!r} does not lead to something below its directory")
    if not name.isprintable():
        raise ValueError(f"{name!r} holds signs that cannot be printed")
    return path


def below(root: Path, name: str) -> Path:
    """Return the path ``name`` below ``root``. Raises ValueError as ``inner`` does."""
    return root / inner(name)


def child(root: Path, name: str) -> Path:
    """Return what ``root`` itself has under ``name``. Raises ValueError where that is no plain name."""
    if inner(name).parts != (name,):
        raise ValueError(f"{name!r} is not the name of one file")
    return root / name
