"""Compile a share of a set's units again and hold each part to the hash that the pool, or a release, has of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from factory.build.build import Backend
from factory.build.container.kernels import Portion
from factory.errors import ReportError
from factory.kernels.kernels import Fetch
from factory.kernels.shard import Shard
from factory.matrix.model import Cell
from factory.output.progress import counted
from factory.pool.record import Record
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
    """The ``shard`` of the set ``kernels``, compiled again with ``inputs``, None where nobody told them."""

    kernels: str
    inputs: KernelInputs | None
    shard: str
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
class Known:
    """Where hashes are known from: the pool of ``session``, into which ``fetch`` brings what is published."""

    session: Session
    fetch: Fetch | None = None


def remake(cell: Cell, shard: Shard, backend: Backend, known: Known, away: Session) -> Sample:
    """Compile a ``shard`` of the kernels of ``cell`` with ``backend``, in the empty pool of ``away``.

    Returns what came out beside what is ``known`` of it. Raises ReportError where nothing is known of one of them, and
    what ``backend`` raises.
    """
    away.log.say(f"{shard} of the kernels is compiled again in {away.cache}")
    made = backend.kernels([cell], Portion(shard=shard))
    pool = pool_in(away.cache)
    (kernels,), there = pool.sets(), pool.by_key()
    if known.fetch is not None:
        known.fetch(kernels, frozenset(there))
    parts = tuple(sorted(_parts(there, pool_in(known.session.cache)), key=lambda part: (part.unit, part.part)))
    units = tuple(dict.fromkeys(part.unit for part in parts))
    return Sample(kernels=kernels.name, inputs=made.inputs, shard=str(shard), units=units, parts=parts)


def _parts(there: Mapping[str, Record], recorded: Pool) -> Iterator[Part]:
    lacking: list[str] = []
    for key, made in there.items():
        row = recorded.record(key)
        if row is None:
            lacking.append(f"{made.source} {made.part}")
        else:
            yield Part(unit=made.source, part=made.part, recorded=row.sha256, made=made.sha256)
    if lacking:
        raise ReportError(
            f"nothing is recorded of {counted(len(lacking), 'part')} compiled again",
            why=["neither the pool nor a release has them, made with this toolkit and host compiler", *sorted(lacking)],
            remedy="Compile them first, nox -s kernels, or take the machine or the image they were compiled in.",
        )
