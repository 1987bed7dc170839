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
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from factory.system.files import sha256_of
from factory.versions import cuda_token

_NOTES = "notes"
_PRUNE = "prune"
_LONGEST_ARCHS = 24  # characters; the whole name must fit into a tar header, see factory.pool.archivename


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the pool knows of one part, and of the compile it came from.

    ``part`` is ``host``, ``compute_80`` (PTX) or ``sm_90`` (machine code), ``size`` its bytes. The compile made
    ``passes`` front-end passes and ``targets`` machine codes in seconds of CPU and wall time and bytes of peak
    memory; parts of one compile have the same figures.
    """

    source: str
    part: str
    profile: str
    passes: int
    targets: int
    sha256: str
    size: int
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class SetRecord:
    """What the pool knows of one kernel set: what it is for, what it was made with, the keys of its parts."""

    flash_attn: str
    cuda: str
    archs: tuple[str, ...]
    profile: str
    kernel_class: str
    toolkit: str
    host_compiler: str
    units: int
    keys: tuple[str, ...]

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> SetRecord:
        """Return it from what was JSON. Raises KeyError or TypeError where that is something else."""
        return cls(**{**fields, "archs": tuple(fields["archs"]), "keys": tuple(fields["keys"])})

    @property
    def name(self) -> str:
        """A file name that says it: ``kernels-2.7.4.post1-cu124-sm80.90-smoke-torch2.4-gcc12.2.0-0a1b2c3d4e5f``.

        Of many architectures it says the first, the last and how many: ``sm80-121x12``.
        """
        short = [arch.replace(".", "").replace("+PTX", "ptx") for arch in self.archs]
        archs = "sm" + ".".join(short)
        if len(archs) > _LONGEST_ARCHS:
            archs = f"sm{short[0]}-{short[-1]}x{len(short)}"
        cuda = cuda_token(self.cuda)
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]
        made_with = f"gcc{self.host_compiler}"
        return f"kernels-{self.flash_attn}-{cuda}-{archs}-{self.profile}-{self.kernel_class}-{made_with}-{digest}"


def pool_in(cache: Path) -> Pool:
    """Return the pool that the factory keeps in ``cache``."""
    return Pool(cache / "pool")


class Pool:
    """A directory of compiled parts, made where it is not there. Raises OSError where it cannot be read or written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("parts", "objects", "sets", "locks", "tmp"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def record(self, key: str) -> Record | None:
        """Return what is recorded for ``key``, without looking at the object; None if nothing readable is."""
        try:
            return Record(**json.loads((self.root / "parts" / f"{key}.json").read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError, UnicodeDecodeError):
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
        for path in (self.root / "tmp").iterdir():
            with self.claim(path.name.split("-")[0]) as mine:
                if mine:
                    size += _size_of(path)
                    shutil.rmtree(path, ignore_errors=True)
        return size

    def put(self, key: str, made: Path, record: Record) -> None:
        """Take over the file ``made``, which must lie on the pool's own disk, as ``key``'s object."""
        _flush(made)
        with self.adding():
            made.replace(self.object_path(record))
            self.put_record(key, record, made.with_name(f"{made.name}.json"))

    def put_record(self, key: str, record: Record, temporary: Path) -> None:
        """Record ``key``'s part, whose object is here, by way of the file ``temporary``; only while ``adding``."""
        _write(temporary, self.root / "parts" / f"{key}.json", asdict(record))

    def object_path(self, record: Record) -> Path:
        """Return where the object of ``record`` lies."""
        return self.root / "objects" / record.sha256

    @contextlib.contextmanager
    def temporary(self, name: str) -> Iterator[Path]:
        """Yield an empty directory on the pool's own disk to whoever holds the claim on ``name``."""
        directory = Path(tempfile.mkdtemp(dir=self.root / "tmp", prefix=f"{name}-"))
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
        return self.root / "locks" / name


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
        return SetRecord.read(json.loads(path.read_text()))
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
        return None


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
    temporary.replace(final)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
