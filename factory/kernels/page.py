"""Kernel sets: how much of each was in the pool, what was compiled, and what that took."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from factory.output.markdown import Markup, joined, page, section, table
from factory.output.progress import are, counted, duration, gigabytes
from factory.wheel.madewith import KernelInputs

COLUMNS = (
    "kernel set",
    "units",
    "from the pool",
    "fetched",
    "compiled",
    "left",
    "wall time",
    "CPU time",
    "most memory",
)
_UNIT_COLUMNS = ("unit", "kernel set", "wall time", "CPU time", "memory")
_SLOWEST = 10


@dataclass(frozen=True, kw_only=True)
class UnitCost:
    """What the compiles of one unit took: seconds of CPU and of wall time, bytes of the largest."""

    name: str
    cpu_seconds: float
    wall_seconds: float
    peak: int


@dataclass(frozen=True, kw_only=True)
class Tally:
    """One kernel set, or one shard of it.

    Of its ``units``, ``pooled`` were in the pool, ``fetched`` came from releases, ``compiled`` were made now in
    ``seconds`` of wall time, and ``left`` are still to be made. ``inputs`` are what the set is compiled with.
    """

    name: str
    units: int
    pooled: tuple[UnitCost, ...]
    fetched: tuple[UnitCost, ...]
    compiled: tuple[UnitCost, ...]
    left: int
    seconds: float
    inputs: KernelInputs | None = None

    @property
    def hit_rate(self) -> float:
        """The part of the units, 0 to 1, that was in the pool already."""
        return len(self.pooled) / self.units if self.units else 1.0

    def with_fetched(self, names: Collection[str]) -> Tally:
        """Return the tally with the units ``names``, found in the pool, counted as fetched into it just before."""
        return replace(
            self,
            pooled=tuple(unit for unit in self.pooled if unit.name not in names),
            fetched=(*self.fetched, *(unit for unit in self.pooled if unit.name in names)),
        )

    def to_json(self) -> str:
        """Return what ``from_json`` reads."""
        return _TALLY.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Tally:
        """Return the tally that ``to_json`` wrote. Raises ValueError for anything else."""
        return _TALLY.validate_json(text)


_TALLY = TypeAdapter(Tally)


def markdown(tallies: Sequence[Tally]) -> str:
    """Return the page of a job."""
    units, left = sum(tally.units for tally in tallies), sum(tally.left for tally in tallies)
    ended = (
        f"⏳ Kernels: {left} of {counted(units, 'unit')} {are(left)} left"
        if left
        else f"✅ Kernels: {counted(units, 'unit')} {are(units)} in the pool"
    )
    return page(ended, account(tallies))


def account(tallies: Sequence[Tally]) -> Markup:
    """Return a row for each set, what the pool saved, and the slowest units of those compiled now."""
    if not tallies:
        return Markup()
    return joined(table(COLUMNS, map(_row, tallies)), _saved(tallies), _slowest(tallies))


def _row(tally: Tally) -> tuple[str, ...]:
    cpu = sum(unit.cpu_seconds for unit in tally.compiled)
    return (
        tally.name,
        str(tally.units),
        f"{len(tally.pooled)} ({tally.hit_rate:.0%})",
        str(len(tally.fetched)),
        str(len(tally.compiled)),
        str(tally.left),
        duration(tally.seconds),
        duration(cpu) if tally.compiled else "",
        _memory(max(unit.peak for unit in tally.compiled)) if tally.compiled else "",
    )


def _saved(tallies: Iterable[Tally]) -> Markup:
    seconds = sum(unit.cpu_seconds for tally in tallies for unit in (*tally.pooled, *tally.fetched))
    return Markup(f"The pool saved {duration(seconds)} of CPU time." if seconds else "")


def _slowest(tallies: Iterable[Tally]) -> Markup:
    made = sorted(
        ((unit, tally.name) for tally in tallies for unit in tally.compiled),
        key=lambda pair: (-pair[0].cpu_seconds, pair[0].name, pair[1]),
    )
    rows = [
        (unit.name, name, duration(unit.wall_seconds), duration(unit.cpu_seconds), _memory(unit.peak))
        for unit, name in made[:_SLOWEST]
    ]
    return section("Slowest units", table(_UNIT_COLUMNS, rows) if rows else Markup())


def _memory(size: int) -> str:
    return f"{gigabytes(size)} GB"
