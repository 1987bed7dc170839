"""The pool of compiled parts on disk: addressed by content, safe against crashes and other builds.

Layout: ``parts/KEY.json`` says which object a part's key gives and what it cost; ``objects/SHA256`` holds
the bytes; ``sets/NAME.json`` lists the parts of one kernel set. All are written to a temporary name, flushed
and renamed, objects first. So at any moment a record either names a whole object or is not there, and two
pools merge by copying files. An object is believed by its hash alone, and no clock is asked: what lies in
``tmp`` is a leftover when nobody holds the claim in its name. Who adds takes the lock ``locks/prune`` shared,
who removes takes it alone: an object that has no record yet is never taken for one that has none any more.
Only the standard library is used here: the worker must start quickly.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from factory.pool.record import Record, SetRecord
from factory.system.files import sha256_of
from factory.system.paths import child

_NOTES = "notes"
_PRUNE = "prune"


def pool_in(cache: Path) -> Pool:
    """Return the pool that the factory keeps in ``cache``."""
    return Pool(cache / "pool")


class Pool:
    """A directory of compiled parts, made where it is not there. Raises OSError where it cannot be read or written."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def record(self, key: str) -> Record | None:
        """Return what is recorded for ``key``, without looking at the object; None if nothing readable is."""
        try:
            return Record.read((self.root / "parts" / f"{key}.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def get(self, key: str) -> tuple[Record, Path] | None:
        """Return the record and the object of ``key`` if both are whole, else None; a damaged object is removed.

        It stays, and is not given, while another process adds to the pool: that may be putting it right.
        """
        record = self.record(key)
        if record is None:
            return None
        path = self.object_path(record)
        if whole(path):
            return record, path
        with _locked(self._lock(_PRUNE), fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
            if alone and not whole(path):
                path.unlink(missing_ok=True)
        return None

    def records(self) -> list[Record]:
        """Return every readable record."""
        return list(self.by_key().values())

    def by_key(self) -> dict[str, Record]:
        """Return every readable record under its part's key."""
        keys = sorted(path.stem for path in (self.root / "parts").glob("*.json"))
        return {key: record for key in keys if (record := self.record(key)) is not None}

    def lacking(self, keys: Iterable[str]) -> frozenset[str]:
        """Return those of ``keys`` that have no whole object here."""
        return frozenset(key for key in keys if self.get(key) is None)

    def sets(self) -> list[SetRecord]:
        """Return every readable set, by name."""
        return [kernels for kernels in self.lists().values() if kernels is not None]

    def lists(self) -> dict[Path, SetRecord | None]:
        """Return the file of every set with what it says, None if that cannot be read."""
        return {path: _read_set(path) for path in sorted((self.root / "sets").glob("*.json"))}

    def note(self, kernels: SetRecord) -> None:
        """Note that ``kernels`` is kept here, complete or not."""
        with self.claim(_NOTES, wait=True), self.temporary(_NOTES) as directory:
            _write(directory / "set.json", self.root / "sets" / f"{kernels.name}.json", asdict(kernels))

    def hold(self, kernels: SetRecord) -> None:
        """Keep ``kernels`` from being pruned for as long as this process lives."""
        # Never closed: the system drops the lock with the process, however that ends.
        fcntl.flock(os.open(self._lock(kernels.name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), fcntl.LOCK_SH)

    def sweep(self) -> int:
        """Remove what compiles that were killed left behind; return its bytes."""
        size = 0
        for path in (self.root / "tmp").glob("*"):
            with self.claim(path.name.split("-")[0]) as mine:
                if mine:
                    size += _size_of(path)
                    shutil.rmtree(path, ignore_errors=True)
        return size

    def put(self, key: str, made: Path, record: Record) -> None:
        """Take over the file ``made``, which must lie on the pool's own disk, as ``key``'s object."""
        _flush(made)
        with self.adding():
            made.replace(_made(self.root / "objects") / self.object_path(record).name)
            self.put_record(key, record, made.with_name(f"{made.name}.json"))

    def put_record(self, key: str, record: Record, temporary: Path) -> None:
        """Record ``key``'s part, whose object is here, by way of the file ``temporary``; only while ``adding``."""
        _write(temporary, self.root / "parts" / f"{key}.json", asdict(record))

    def object_path(self, record: Record) -> Path:
        """Return where the object of ``record`` lies. Raises ValueError where its hash is no name."""
        return child(self.root / "objects", record.sha256)

    @contextlib.contextmanager
    def temporary(self, name: str) -> Iterator[Path]:
        """Yield an empty directory on the pool's own disk to whoever holds the claim on ``name``."""
        directory = Path(tempfile.mkdtemp(dir=_made(self.root / "tmp"), prefix=f"{name}-"))
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextlib.contextmanager
    def claim(self, name: str, *, wait: bool = False) -> Iterator[bool]:
        """Hold the lock ``name``, a unit's key as a rule, and yield whether it is held.

        Where another process holds it now, yields False at once, or waits. The system drops the lock when its
        holder ends, however it ends.
        """
        with _locked(self._lock(name), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)) as mine:
            yield mine

    @contextlib.contextmanager
    def adding(self) -> Iterator[None]:
        """Keep everything in the pool where it is; many processes may do so at once."""
        with _locked(self._lock(_PRUNE), fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until nobody adds, and keep everybody from it: only now may anything be removed."""
        with _locked(self._lock(_PRUNE), fcntl.LOCK_EX):
            yield

    def _lock(self, name: str) -> Path:
        return child(_made(self.root / "locks"), name)


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[bool]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, how)
        except BlockingIOError:
            yield False
            return
        yield True


def _read_set(path: Path) -> SetRecord | None:
    try:
        kernels = SetRecord.read(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return kernels if f"{kernels.name}.json" == path.name else None


def _size_of(directory: Path) -> int:
    size = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # a compiler may outlive its worker and tidy up itself
            size += path.lstat().st_size if path.is_file() else 0
    return size


def whole(path: Path) -> bool:
    """Return whether the object at ``path`` is there and has the sha256 it is named by."""
    try:
        return sha256_of(path) == path.name
    except FileNotFoundError:
        return False


def _write(temporary: Path, final: Path, content: object) -> None:
    temporary.write_text(json.dumps(content, sort_keys=True))
    _flush(temporary)
    temporary.replace(_made(final.parent) / final.name)


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
