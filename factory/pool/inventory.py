"""What of the kernel sets a pool really holds, and taking out of it what is damaged or no longer wanted.

Whatever is removed is removed while nobody adds, a set's list before its records and records before objects;
so a crash leaves at worst something that the next run removes.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.errors import FactoryError
from factory.pool.record import Record, SetRecord
from factory.pool.store import Pool, whole


@dataclass(frozen=True, kw_only=True)
class SetInventory:
    """A kernel set and those of its parts that are here, by key."""

    kernels: SetRecord
    here: Mapping[str, Record]

    @property
    def complete(self) -> bool:
        """Whether nothing of it is missing."""
        return len(self.here) == len(self.kernels.keys)

    @property
    def units(self) -> int:
        """How many units have all their parts here; each unit of a set has equally many."""
        each = len(self.kernels.keys) // self.kernels.units
        return sum(count == each for count in Counter(record.source for record in self.here.values()).values())

    @property
    def size(self) -> int:
        """The bytes of its objects."""
        return sum({record.sha256: record.size for record in self.here.values()}.values())


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The result of a check: names of what was damaged, and how much does not go together.

    Damaged objects and records are gone now; damaged lists of sets are not, for nothing says what they list.
    """

    objects: tuple[str, ...]
    records: tuple[str, ...]
    sets: tuple[Path, ...]
    lone_records: int
    lone_objects: int


@dataclass(frozen=True, kw_only=True)
class Freed:
    """Bytes freed per removed set, bytes of objects that had no record, names of sets that are in use and stay."""

    sets: Mapping[str, int]
    objects: int
    held: tuple[str, ...]


def holding(kernels: SetRecord, look: Callable[[str], Record | None]) -> SetInventory:
    """Return what of ``kernels`` is here; ``look`` returns the record of a part that is, by its key."""
    found = {key: look(key) for key in kernels.keys}
    return SetInventory(kernels=kernels, here={key: record for key, record in found.items() if record is not None})


def by_hash(pool: Pool) -> Callable[[str], Record | None]:
    """Return what looks for parts in ``pool``, reading each object."""
    return lambda key: found[0] if (found := pool.get(key)) else None


def by_presence(pool: Pool) -> Callable[[str], Record | None]:
    """Return what looks for parts in ``pool``, whose objects have all just been read."""
    return lambda key: record if (record := pool.record(key)) and pool.object_path(record).is_file() else None


def move(source: Pool, target: Pool) -> None:
    """Move the parts that ``target`` lacks there from ``source``: all whole, on the same disk, used by nobody else."""
    with target.adding():
        for key, record in source.by_key().items():
            if target.get(key) is not None:
                continue
            made = source.object_path(record)
            if made.exists():
                target.put(key, made, record)
            else:  # another part has the same object, and it was moved with that
                target.put_record(key, record, source.root / "tmp" / "record.json")


def check(pool: Pool) -> Checked:
    """Read every object and every record, remove those that are damaged, and return what was found."""
    suspects = [path for path in _objects(pool) if not whole(path)]
    with pool.alone():
        damaged = [path for path in suspects if path.exists() and not whole(path)]
        records = pool.by_key()
        unreadable = [path for path in (pool.root / "parts").glob("*.json") if path.stem not in records]
        for path in (*damaged, *unreadable):
            path.unlink()
        there = {path.name for path in _objects(pool)}
    named = [record.sha256 for record in records.values()]
    return Checked(
        objects=tuple(path.name for path in damaged),
        records=tuple(path.stem for path in unreadable),
        sets=_unreadable_sets(pool),
        lone_records=sum(name not in there for name in named),
        lone_objects=len(there.difference(named)),
    )


def remove_sets(pool: Pool, wanted: Collection[SetRecord]) -> Freed:
    """Remove kernel sets, those that a running process holds apart, and return what that freed.

    What other sets list stays. Raises FactoryError if the list of a set cannot be read.
    """
    with pool.alone(), contextlib.ExitStack() as claims:
        _refuse_unreadable_sets(pool)
        lists = {kernels: path for path, kernels in pool.lists().items() if kernels and kernels in wanted}
        mine = [kernels for kernels in lists if claims.enter_context(pool.claim(kernels.name))]
        for kernels in mine:
            lists[kernels].unlink()
        listed = _listed(pool)
        freed = {kernels.name: _remove_parts(pool, frozenset(kernels.keys) - listed) for kernels in mine}
        held = tuple(kernels.name for kernels in lists if kernels not in mine)
        return Freed(sets=freed, objects=_remove_lone_objects(pool), held=held)


def remove_leftovers(pool: Pool) -> int:
    """Remove what no set lists and what killed processes left; return its bytes.

    Raises FactoryError if the list of a set cannot be read.
    """
    with pool.alone():
        _refuse_unreadable_sets(pool)
        keys = {path.stem for path in (pool.root / "parts").glob("*.json")}
        return _remove_parts(pool, keys - _listed(pool)) + _remove_lone_objects(pool) + pool.sweep()


def _remove_parts(pool: Pool, keys: Collection[str]) -> int:
    records = pool.by_key()
    candidates = {records.pop(key).sha256 for key in keys if key in records}
    for key in keys:
        (pool.root / "parts" / f"{key}.json").unlink(missing_ok=True)
    kept = {record.sha256 for record in records.values()}
    return _remove_files([path for path in _objects(pool) if path.name in candidates - kept])


def _remove_lone_objects(pool: Pool) -> int:
    named = {record.sha256 for record in pool.records()}
    return _remove_files([path for path in _objects(pool) if path.name not in named])


def _remove_files(paths: Iterable[Path]) -> int:
    size = 0
    for path in paths:
        size += path.stat().st_size
        path.unlink()
    return size


def _objects(pool: Pool) -> list[Path]:
    return sorted(path for path in (pool.root / "objects").glob("*") if path.is_file())


def _listed(pool: Pool) -> frozenset[str]:
    return frozenset(key for kernels in pool.sets() for key in kernels.keys)


def _unreadable_sets(pool: Pool) -> tuple[Path, ...]:
    return tuple(path for path, kernels in pool.lists().items() if kernels is None)


def _refuse_unreadable_sets(pool: Pool) -> None:
    unreadable = _unreadable_sets(pool)
    if unreadable:
        raise FactoryError(
            "nothing was removed, for it is not known which parts some sets need",
            why=[f"{path} cannot be read" for path in unreadable],
            remedy="Make these sets anew with `nox -s kernels`, or remove the files; then run the same command again.",
        )
