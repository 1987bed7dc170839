"""Which files the patterns of an action's ``path`` mean, as ``@actions/glob`` reads them."""

from __future__ import annotations

import glob
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Found:
    """Files, and the folder that their names in an artifact are relative to."""

    root: Path
    files: tuple[Path, ...]


def find(patterns: str, workspace: Path, home: Path, *, hidden: bool) -> Found:
    """Find the files of patterns, one a line; one after ``!`` takes away. A folder means all in it."""
    lines = [line.strip() for line in patterns.splitlines() if line.strip()]
    wanted = [absolute(line, workspace, home) for line in lines if not line.startswith("!")]
    unwanted = {file for line in lines if line.startswith("!") for file in _files(absolute(line[1:], workspace, home))}
    roots = _roots([_fixed(pattern) for pattern in wanted])
    files = sorted({file for pattern in wanted for file in _files(pattern)} - unwanted)
    if not hidden:
        files = [file for file in files if not _is_hidden(file, roots)]
    return Found(_root(roots, files), tuple(files))


def absolute(pattern: str, workspace: Path, home: Path) -> str:
    """Give a pattern from the root, ``~`` meaning the job's home."""
    if pattern == "~" or pattern.startswith("~/"):
        return str(home) + pattern[1:]
    return os.path.normpath(workspace / pattern)


def hashed(patterns: tuple[str, ...], workspace: Path) -> str:
    """Give what ``hashFiles`` gives: the sha256 of the files' sha256, empty where there are none."""
    files = find("\n".join(patterns), workspace, workspace, hidden=True).files
    digests = b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)
    return hashlib.sha256(digests).hexdigest() if files else ""


def _files(pattern: str) -> list[Path]:
    found = [Path(one) for one in glob.iglob(pattern, recursive=True, include_hidden=True)]  # noqa: PTH207 - ** and *
    return [file for one in found for file in ((one,) if one.is_file() else one.rglob("*")) if file.is_file()]


def _fixed(pattern: str) -> Path:
    """Give the part of a pattern before its first wildcard."""
    parts = Path(pattern).parts
    fixed = next((index for index, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:fixed])


def _roots(paths: list[Path]) -> list[Path]:
    """Leave out what is below another."""
    return sorted({one for one in paths if not any(other in one.parents for other in paths)})


def _root(roots: list[Path], files: list[Path]) -> Path:
    if len(roots) > 1:
        return Path(os.path.commonpath(roots))
    return roots[0].parent if files == roots else roots[0]


def _is_hidden(file: Path, roots: list[Path]) -> bool:
    root = next(one for one in roots if one == file or one in file.parents)
    return any(part.startswith(".") for part in (root.name, *file.relative_to(root).parts))
