"""Looks at the disks that a run writes to and at what is there already; nothing is written, nothing fetched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from factory.plan import room
from factory.plan.room import Room, Want
from factory.plan.sizes import Ground
from factory.pool.record import SetRecord
from factory.pool.store import Pool
from factory.system import disk, files


def rooms(cache: Path, dist: Path | None) -> tuple[Room, ...]:
    """Return the directories of the cache and of ``dist`` with the bytes free on their disks.

    ``dist`` is None where nothing goes there. A directory that is not there counts as the nearest above it that is.
    """
    found = (_room(room.CACHE, cache),)
    return found if dist is None else (*found, _room(room.DIST, dist))


def _room(use: str, path: Path) -> Room:
    """Look at a directory, or where it would be made."""
    there = disk.nearest(path)
    usage, device = shutil.disk_usage(there), there.stat().st_dev
    return Room(use=use, path=str(path), device=device, free=usage.free, writable=os.access(there, os.W_OK | os.X_OK))


def counted(wants: Iterable[Want], cache: Path) -> tuple[Want, ...]:
    """Return ``wants`` without what goes to directories of the cache that somebody linked to another disk."""
    return tuple(want for want in wants if want.use != room.CACHE or _same(cache / want.place, cache))


def ground(cache: Path, env: Mapping[str, str]) -> Ground:
    """Return where installers put what they fetch, as ``env`` tells them.

    Source: uv's documentation, "Caching"; TMPDIR is where pip unpacks.
    """
    uv = shutil.which("uv", path=env.get("PATH"))
    linked = bool(uv) and env.get("UV_LINK_MODE", "hardlink") == "hardlink" and _same(_uv_cache(env), cache)
    beside = not uv and _same(Path(env.get("TMPDIR") or "/tmp"), cache)  # noqa: S108 - pip's own default
    return Ground(linked=linked, beside=beside, pip=_size(cache / "pip"))


def _uv_cache(env: Mapping[str, str]) -> Path:
    """Return where uv keeps what it unpacked. Source: uv's documentation, "Caching"."""
    base = env.get("XDG_CACHE_HOME") or f"{env.get('HOME', '')}/.cache"
    return Path(env.get("UV_CACHE_DIR") or f"{base}/uv")


def lacking(pool: Path, wanted: Callable[[SetRecord], bool]) -> float:
    """Return the share, 0 to 1, of the parts of a kernel set that the pool lacks, by its lists of ``wanted`` sets.

    What a set is made with, and so which list is the right one, is not known before it is fetched: the one that lacks
    least counts. No object is read. Raises FactoryError where a list cannot be read.
    """
    there = {path.stem for path in files.matching(pool / "parts", "*.json")}
    lists = Pool(pool).sets() if files.is_directory(pool / "sets") else []
    shares = (sum(key not in there for key in one.keys) / len(one.keys) for one in lists if one.keys and wanted(one))
    return min(shares, default=1.0)


def _same(one: Path, other: Path) -> bool:
    """Whether two directories are, or would be, on one disk."""
    return disk.nearest(one).stat().st_dev == disk.nearest(other).stat().st_dev


def _size(directory: Path) -> int:
    """Return the bytes below a directory; what cannot be seen does not count."""
    return sum(Path(where, name).lstat().st_size for where, _, names in os.walk(directory) for name in names)
