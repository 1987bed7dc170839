"""What the compiles took whose parts are in a pool."""

from __future__ import annotations

from factory.kernels.estimate import Measured, Shape
from factory.kernels.schedule import Demand
from factory.pool.store import Pool


def measured(pool: Pool) -> tuple[Measured, ...]:
    """Return what the compiles took whose parts are in ``pool``, each once."""
    return tuple(
        {
            Measured(
                source=record.source,
                shape=Shape(profile=record.profile, passes=record.passes, targets=record.targets),
                # CPU time, not wall: what else ran beside it is not the unit's.
                demand=Demand(seconds=record.cpu_seconds, peak=record.peak_bytes),
            ): None
            for record in pool.records()
        }
    )
