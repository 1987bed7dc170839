"""Which units start next: as many as ``jobs`` allows, as memory admits, the longest first. How long they will take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a unit is expected to take: wall seconds and peak bytes."""

    seconds: float
    peak: int


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Seconds that a unit was ``expected`` to take and has ``taken``, so far or, if it ``ended``, in all."""

    expected: float
    taken: float
    ended: bool


def admit(
    waiting: Sequence[str],
    running: Sequence[str],
    demand: Mapping[str, Demand],
    *,
    jobs: int,
    budget: int,
) -> tuple[str, ...]:
    """Return the keys of ``waiting`` to start now, given those ``running``.

    The sum of expected peaks stays within ``budget`` bytes, and no more than ``jobs`` run. The longest that fits goes
    first; a shorter one may pass it so that cores stay busy. When nothing runs, the longest starts even if it alone
    exceeds the budget: else it would never run.
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


def remaining_seconds(times: Iterable[float], *, jobs: int) -> float:
    """Return the wall seconds that units still taking ``times`` seconds each are expected to take, ``jobs`` at once."""
    left = [max(time, 0.0) for time in times]
    return max(max(left, default=0.0), sum(left) / max(jobs, 1))


def pace(spent: Iterable[Spent]) -> float:
    """Return how many times as long as expected units take here; a unit within its time counts as on schedule."""
    units = list(spent)
    due = sum(unit.expected if unit.ended else min(unit.expected, unit.taken) for unit in units)
    return sum(unit.taken for unit in units) / due if due else 1.0
