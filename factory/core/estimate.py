"""What a build will take on this machine: from the pool's measurements, else from a table of costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from factory.core.arch import Arch
from factory.core.schedule import Demand
from factory.core.unit import Unit


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What decides a unit's cost besides its file: profile, front-end passes, machine-code targets."""

    profile: str
    passes: int
    targets: int

    @classmethod
    def of(cls, profile: str, archs: Iterable[Arch], front_end: Mapping[Arch, Arch]) -> Shape:
        """Count the passes and targets of ``archs`` where ``front_end`` shares passes."""
        real = {arch.real for arch in archs}
        return cls(profile=profile, passes=len({front_end.get(arch, arch) for arch in real}), targets=len(real))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A unit that was compiled before: its shape and what it took."""

    source: str
    shape: Shape
    demand: Demand


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The table of costs.

    ``base`` is by profile and kind, at head size 64, one pass and one target; ``head`` scales it to other sizes.
    """

    base: Mapping[tuple[str, str], Demand]
    head: Mapping[tuple[str, int], float]
    further_target: float
    wheel: Demand

    def guess(self, unit: Unit, shape: Shape) -> Demand:
        """Guess what ``unit`` takes; an unknown profile counts as the full one."""
        base = self.base.get((shape.profile, unit.kind)) or self.base["full", unit.kind]
        further = 1 + self.further_target * (shape.targets - shape.passes)
        factor = self.head.get((unit.kind, unit.head_size), 1.0) * (shape.passes - 1 + further)
        return Demand(seconds=base.seconds * factor, peak=base.peak)


def read_costs(table: Mapping[str, Any]) -> Costs:
    """Read the parsed ``costs.toml``."""
    return Costs(
        base={(name, kind): Demand(**row) for name, rows in table["profile"].items() for kind, row in rows.items()},
        head={(kind, int(size)): factor for kind, row in table["head"].items() for size, factor in row.items()},
        further_target=table["further_target"],
        wheel=Demand(**table["wheel"]),
    )


def expect(units: Sequence[Unit], shape: Shape, costs: Costs, measured: Iterable[Measured]) -> dict[str, Demand]:
    """Give each unit's expected demand, by key.

    A file compiled before in the same shape is taken at its word. The others are guessed from the table,
    scaled by how this machine's measurements compare with the table's guesses for the same files.
    """
    measured = tuple(measured)
    known = {row.source: row.demand for row in measured if row.shape == shape}
    ratios = sorted(
        row.demand.seconds / guess
        for row in measured
        if (guess := costs.guess(Unit(source=row.source, key=""), row.shape).seconds) > 0
    )
    speed = ratios[len(ratios) // 2] if ratios else 1.0

    def guessed(unit: Unit) -> Demand:
        table = costs.guess(unit, shape)
        return Demand(seconds=table.seconds * speed, peak=table.peak)

    return {unit.key: known.get(unit.source) or guessed(unit) for unit in units}
