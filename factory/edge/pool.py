"""The pool of kernel objects on disk: addressed by content, safe against crashes and other builds.

Layout: ``units/KEY.json`` says which object a unit's key gives and what it cost; ``objects/SHA256`` holds
the bytes. Both are written to a temporary name, flushed and renamed, objects first. So at any moment a
record either names a whole object or is not there, and two pools merge by copying files. An object is
believed by its hash alone. Only the standard library is used here: the worker must start quickly.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from factory.edge.digest import sha256_of

_STALE = 86_400.0  # seconds; no compile takes nearly as long


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the pool knows of one compiled unit; seconds of CPU and wall time, bytes of peak memory."""

    source: str
    profile: str
    passes: int
    targets: int
    sha256: str
    size: int
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


class Pool:
    """A directory of kernel objects."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("units", "objects", "locks", "tmp"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def record(self, key: str) -> Record | None:
        """Give what is recorded for ``key``, without looking at the object; None if nothing readable is."""
        try:
            return Record(**json.loads((self.root / "units" / f"{key}.json").read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError, UnicodeDecodeError):
            return None

    def get(self, key: str) -> tuple[Record, Path] | None:
        """Give the record and the object of ``key`` if both are whole; a damaged object is removed."""
        record = self.record(key)
        if record is None:
            return None
        path = self.object_path(record)
        try:
            whole = sha256_of(path) == record.sha256
        except FileNotFoundError:
            return None
        if not whole:
            path.unlink(missing_ok=True)
            return None
        return record, path

    def records(self) -> list[Record]:
        """Give every readable record."""
        keys = sorted(path.stem for path in (self.root / "units").glob("*.json"))
        return [record for key in keys if (record := self.record(key)) is not None]

    def sweep(self) -> None:
        """Remove what compiles that were killed left behind: temporary files untouched for a day."""
        for path in (self.root / "tmp").iterdir():
            if time.time() - path.stat().st_mtime > _STALE:
                shutil.rmtree(path, ignore_errors=True)

    def put(self, key: str, compiled: Path, record: Record) -> None:
        """Take over the file ``compiled``, which must lie in the pool's own ``tmp``, as ``key``'s object."""
        _flush(compiled)
        compiled.replace(self.object_path(record))
        self._write_record(key, record)

    def object_path(self, record: Record) -> Path:
        """Say where the object of ``record`` lies."""
        return self.root / "objects" / record.sha256

    def temporary(self) -> Path:
        """Make an empty directory on the pool's own disk for a compile to write into."""
        return Path(tempfile.mkdtemp(dir=self.root / "tmp"))

    @contextlib.contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Hold the lock of ``key``; gives False at once if another process compiles it now.

        The system drops the lock when its holder ends, however it ends.
        """
        with (self.root / "locks" / key).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def _write_record(self, key: str, record: Record) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.root / "tmp")
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(record), file, sort_keys=True)
        _flush(Path(name))
        Path(name).replace(self.root / "units" / f"{key}.json")


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
