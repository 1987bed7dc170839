"""Compile a set of kernels into the pool: once per source, toolkit, architectures and profile.

No torch is installed or looked at here, and no GPU is needed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from factory.errors import DigestError
from factory.kernels import costs, estimate
from factory.kernels.adopt import adopt
from factory.kernels.assemble import Assembler
from factory.kernels.compile import Floor, compile_all
from factory.kernels.estimate import Shape, expect
from factory.kernels.job import Job, Todo, todo
from factory.kernels.measured import measured
from factory.kernels.prepared import KernelSetSpec, PreparedSet, prepare, record
from factory.kernels.shard import Shard, share
from factory.kernels.unit import TORCH_NVCC_FLAGS, Unit
from factory.output.progress import counted, duration, were
from factory.platforms import own_machine
from factory.pool import inventory
from factory.pool.record import SetRecord
from factory.pool.store import Pool, pool_in
from factory.session import Session
from factory.system.environ import inherited

Fetch = Callable[[SetRecord, Collection[str]], None]
"""Brings the set into the pool where it can, if any of the parts that are named by key is not there."""


@dataclass(frozen=True, kw_only=True)
class Origins:
    """Where the units ``mine`` of a set came from.

    Those whose keys are in ``pooled`` were in the pool before and those in ``fetched`` came from releases; ``left``
    are not there yet. All of it took ``seconds`` of wall time.
    """

    mine: tuple[Unit, ...]
    pooled: frozenset[str]
    fetched: frozenset[str]
    left: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class CompiledSet:
    """Kernels that are in the pool, but for units that were left, and how many of them were compiled just now."""

    ready: PreparedSet
    compiled: int
    origins: Origins

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags torch and upstream's ``setup.py`` pass for a kernel, architectures apart."""
        return TORCH_NVCC_FLAGS + self.ready.extension.nvcc_flags

    def assembler(self, session: Session, *, compression: str | None) -> Assembler:
        """Return what puts the units' objects together, with the ``fatbinary`` of the toolkit that compiled them.

        Machine code is compressed in the mode ``compression``, None for not at all.
        """
        return Assembler(
            pool=pool_in(session.cache),
            fatbinary=self.ready.toolkit.home / "bin" / "fatbinary",
            objcopy=self.ready.linker.objcopy,
            compression=compression,
        )


def note(wanted: KernelSetSpec, session: Session) -> PreparedSet:
    """Return the set prepared, and have the pool keep it. Raises what ``prepare`` raises.

    Where another machine compiled it, its machine code is taken.
    """
    pool_in(session.cache).sweep()
    return _noted(adopt(prepare(wanted, session), session), session)


def _noted(ready: PreparedSet, session: Session) -> PreparedSet:
    noted = record(ready)
    pool_in(session.cache).hold(noted)
    pool_in(session.cache).note(noted)
    return ready


def needed(mine: Sequence[Unit], ready: PreparedSet) -> frozenset[str]:
    """Return the keys of the parts of the units ``mine`` that may be had from elsewhere."""
    adopted = ready.compiled_on != own_machine()
    return frozenset(key for unit in mine for key in (unit.shared() if adopted else unit.wanted()))


def kernels(
    wanted: KernelSetSpec,
    session: Session,
    shard: Shard | None = None,
    *,
    fetch: Fetch | None = None,
    until: float | None = None,
) -> CompiledSet:
    """Compile what the pool lacks of a set, or of one ``shard`` of it, once ``fetch`` has brought what it can.

    At the moment ``until`` of the monotonic clock, in seconds, it ends, finished or not. Raises what ``prepare`` and
    ``compile_missing`` raise; what was finished by then stays in the pool.
    """
    began = time.monotonic()
    ready = note(wanted, session)
    mine = shared(ready, shard)
    if shard is not None:
        session.log.say(f"shard {shard}: {len(mine)} of {counted(len(ready.units), 'unit')}")
    pooled = stocked(mine, pool_in(session.cache))
    if fetch is not None:
        fetch(record(ready), needed(mine, ready))
        again = adopt(ready, session)
        if again is not ready:
            ready = _noted(again, session)
            mine = shared(ready, shard)
    fetched = stocked(mine, pool_in(session.cache)) - pooled
    compiled, left = compile_missing(mine, ready, session, until=until)
    seconds = time.monotonic() - began
    origins = Origins(mine=mine, pooled=pooled, fetched=fetched, left=left, seconds=seconds)
    return CompiledSet(ready=ready, compiled=compiled, origins=origins)


def stocked(mine: Sequence[Unit], pool: Pool) -> frozenset[str]:
    """Return the keys of those units of ``mine`` that are all in the pool, if none is damaged."""
    look = inventory.by_presence(pool)
    return frozenset(unit.key for unit in mine if all(look(key) is not None for key in unit.wanted()))


def shared(ready: PreparedSet, shard: Shard | None) -> tuple[Unit, ...]:
    """Return the units of a ``shard`` of the set, or all."""
    return ready.units if shard is None else share(ready.units, shard, _seconds(ready.wanted))


def compile_missing(
    mine: Sequence[Unit], ready: PreparedSet, session: Session, *, until: float | None = None
) -> tuple[int, int]:
    """Compile what the pool lacks of the units ``mine``; return how many units that were, and how many are left.

    ``until`` is a moment of the monotonic clock, in seconds. Raises KernelError, MemoryKillError or DiskFullError as
    ``compile_all`` does, DigestError where a part was damaged right after it was made.
    """
    pool = pool_in(session.cache)
    lacking = pool.lacking(key for unit in mine for key in unit.wanted())
    missing = [unit for unit in mine if not lacking.isdisjoint(unit.wanted())]
    work = {unit: todo(unit, lambda key: pool.get(key) is not None) for unit in missing}
    here, alone = len(mine) - len(missing), sum(row.host_alone for row in work.values())
    of_them = f", {alone} of them host code alone" if alone else ""
    session.log.say(f"kernels: {counted(len(mine), 'unit')}, {here} in the pool, {len(missing)} to compile{of_them}")
    left = _compile(work, ready, session, until) if work else frozenset()
    done = [unit for unit in missing if unit.key not in left]
    lost = pool.lacking(key for unit in done for key in unit.wanted())
    if lost:
        raise DigestError(
            f"{counted(len(lost), 'part')} of the kernels {were(len(lost))} damaged right after they were made",
            remedy="Check the disk, then run the same command again.",
        )
    return len(done), len(left)


def _seconds(wanted: KernelSetSpec) -> Callable[[Unit], float]:
    """Guess by the table alone: what this machine measured must not change how a set is cut."""
    table = costs.table()
    shape = estimate.shape_of(wanted.profile.name, wanted.archs, wanted.toolkit)
    return lambda unit: table.guess(unit, shape).seconds


def _compile(work: Mapping[Unit, Todo], ready: PreparedSet, session: Session, until: float | None) -> frozenset[str]:
    """Do ``work``; return the keys of the units there was no time for."""
    profile, pool = ready.wanted.profile.name, pool_in(session.cache)
    left = {unit: Shape.left(profile, row) for unit, row in work.items()}
    demand = expect(left, costs.table(), measured(pool))
    # Two builds of one set at once must not write each other's files.
    logs = session.cache / "logs" / f"kernels-{next(iter(work)).key[:12]}-{os.getpid()}"
    total = sum(row.seconds for row in demand.values()) / session.limits.jobs
    session.log.say(
        f"about {duration(total)} with {session.limits.jobs} at once in {session.limits.budget / 1e9:.1f} GB; "
        f"compiler output in {logs}"
    )
    return compile_all(
        [_job(unit, ready, pool) for unit in work],
        demand,
        Floor(limits=session.limits, logs=logs, env=inherited(session.env), log=session.log),
        until=until,
    )


def _job(unit: Unit, ready: PreparedSet, pool: Pool) -> Job:
    return Job(
        unit=unit,
        profile=ready.wanted.profile.name,
        pool=str(pool.root),
        nvcc=ready.nvcc,
        objcopy=str(ready.compiler.objcopy),
        cwd=str(ready.root),
        cross=ready.cross,
    )
