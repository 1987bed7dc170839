"""Compile a sample of a set's units again and hold each part to the hash that the pool, or a release, has of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from factory.errors import ReportError
from factory.kernels.kernels import Fetch, KernelSetSpec, compile_missing, prepare, record
from factory.kernels.stats import inputs_of
from factory.kernels.unit import Unit
from factory.pool.store import Pool, pool_in
from factory.session import Session
from factory.wheel.madewith import KernelInputs

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a unit, and the sha256 that is recorded and that of what was made again."""

    unit: str
    part: str
    recorded: str
    made: str


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The units that a ``seed`` chose of the set ``kernels``, compiled again with ``inputs``."""

    kernels: str
    inputs: KernelInputs
    seed: int
    units: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def differing(self) -> tuple[Part, ...]:
        """The parts that came out with other bytes."""
        return tuple(part for part in self.parts if part.recorded != part.made)

    def to_json(self) -> str:
        """Return it as JSON in one line, for a release to list."""
        return json.dumps({"schema": SCHEMA, "same": not self.differing, **asdict(self)})


@dataclass(frozen=True, kw_only=True)
class Pick:
    """How many units of a set, and the seed that says which: the same ones on every machine."""

    count: int
    seed: int

    def of(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """Return those of ``units``, all where there are no more than that."""
        return tuple(sorted(units, key=self._rank)[: self.count])

    def _rank(self, unit: Unit) -> str:
        return hashlib.sha256(f"{self.seed} {unit.source}".encode()).hexdigest()


def remake(wanted: KernelSetSpec, session: Session, away: Session, pick: Pick, *, fetch: Fetch | None = None) -> Sample:
    """Compile a ``pick`` of ``wanted`` in the empty pool of ``away``; return what came out beside what is recorded.

    Recorded is what the pool of ``session`` has of them once ``fetch`` has brought what is published. Raises
    ReportError where it has nothing of one of them, and what compiling raises.
    """
    ready = prepare(wanted, session)
    mine = pick.of(ready.units)
    if fetch is not None:
        fetch(record(ready), frozenset(key for unit in mine for key in unit.wanted()))
    recorded = _hashes(mine, pool_in(session.cache))
    session.log.say(f"{len(mine)} of {len(ready.units)} units of {record(ready).name} are compiled again")
    again = prepare(wanted, away)
    there = {unit.source: unit for unit in again.units}
    compile_missing([there[unit.source] for unit in mine], again, away)
    made = _hashes(mine, pool_in(away.cache))
    parts = (
        Part(unit=unit, part=part, recorded=recorded[unit, part], made=made[unit, part]) for unit, part in recorded
    )
    return Sample(
        kernels=record(ready).name,
        inputs=inputs_of(ready),
        seed=pick.seed,
        units=tuple(unit.source for unit in mine),
        parts=tuple(parts),
    )


def _hashes(units: Sequence[Unit], pool: Pool) -> dict[tuple[str, str], str]:
    """Return the sha256 of each part of ``units`` by the unit's source and the part's name."""
    rows = {key: pool.get(key) for unit in units for key in unit.wanted()}
    lacking = sorted({unit.source for unit in units if any(rows[key] is None for key in unit.wanted())})
    if lacking:
        raise ReportError(
            f"nothing is recorded of {len(lacking)} units that were to be compiled again",
            why=["neither the pool nor a release has them, made with this toolkit and host compiler", *lacking],
            remedy="Compile them first, nox -s kernels, or take the machine or the image they were compiled in.",
        )
    return {(row[0].source, row[0].part): row[0].sha256 for row in rows.values() if row is not None}
