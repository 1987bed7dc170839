"""Count what of a kernel set came from where and what its compiles took, and say what they are made with."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from factory.kernels.kernels import Origins, stocked
from factory.kernels.page import Tally, UnitCost
from factory.kernels.prepared import PreparedSet, record
from factory.kernels.shard import Shard
from factory.kernels.unit import Unit
from factory.matrix.kernelset import KernelSetId
from factory.pool.store import Pool
from factory.wheel.madewith import KernelInputs


def tally(need: KernelSetId, shard: Shard | None, made: Origins, pool: Pool) -> Tally:
    """Return what came of the units of ``made``, the set that ``need`` names or a ``shard`` of it."""
    compiled = stocked(made.mine, pool) - made.pooled - made.fetched

    def costs(keys: Collection[str]) -> tuple[UnitCost, ...]:
        return tuple(cost(unit, pool) for unit in made.mine if unit.key in keys)

    return Tally(
        name=str(need) if shard is None else f"{need}, shard {shard}",
        units=len(made.mine),
        pooled=costs(made.pooled),
        fetched=costs(made.fetched),
        compiled=costs(compiled),
        left=made.left,
        seconds=made.seconds,
    )


def cost(unit: Unit, pool: Pool) -> UnitCost:
    """Return the sum of the compiles that the parts of ``unit`` came from, each once."""
    rows = [row for key in unit.wanted() if (row := pool.record(key))]
    runs = {(row.cpu_seconds, row.wall_seconds, row.peak_bytes) for row in rows}
    return UnitCost(
        name=unit.name,
        cpu_seconds=sum(cpu for cpu, _, _ in runs),
        wall_seconds=sum(wall for _, wall, _ in runs),
        peak=max((peak for _, _, peak in runs), default=0),
    )


def inputs_of(ready: PreparedSet) -> KernelInputs:
    """Return what a set is compiled from and with."""
    return KernelInputs(
        toolkit=ready.toolkit.release,
        toolkit_sha256=ready.inputs.toolkit,
        host_compiler=ready.compiler.version,
        host_compiler_sha256=ready.inputs.host_compiler,
        sdist_sha256=ready.inputs.sdist,
        headers_sha256=ready.inputs.headers,
        keys=hashlib.sha256("\n".join(record(ready).keys).encode()).hexdigest(),
        linker=ready.linker.version if ready.cross else None,
        linker_sha256=ready.linker.digest if ready.cross else None,
    )
