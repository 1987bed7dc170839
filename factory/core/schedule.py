"""Which units start next: as many as ``jobs`` allows, as memory admits, the longest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a unit is expected to take: wall seconds and peak bytes."""

    seconds: float
    peak: int


def admit(
    waiting: Sequence[str],
    running: Sequence[str],
    demand: Mapping[str, Demand],
    *,
    jobs: int,
    budget: int,
) -> tuple[str, ...]:
    """Choose the keys of ``waiting`` to start now, given those ``running``.

    The sum of expected peaks stays within ``budget`` bytes, and no more than ``jobs`` run. The longest
    that fits goes first; a shorter one may pass it so that cores stay busy. When nothing runs, the
    longest starts even if it alone exceeds the budget: else it would never run.
    """
    room = budget - sum(demand[key].peak for key in running)
    slots = jobs - len(running)
    chosen: list[str] = []
    for key in sorted(waiting, key=lambda key: (-demand[key].seconds, key)):
        if len(chosen) >= slots:
            break
        if demand[key].peak <= room or not (running or chosen):
            chosen.append(key)
            room -= demand[key].peak
    return tuple(chosen)


def remaining_seconds(waiting: Sequence[str], demand: Mapping[str, Demand], *, jobs: int) -> float:
    """Estimate the wall seconds the ``waiting`` units still take on ``jobs`` cores."""
    if not waiting:
        return 0.0
    times = [demand[key].seconds for key in waiting]
    return max(*times, sum(times) / max(jobs, 1))
