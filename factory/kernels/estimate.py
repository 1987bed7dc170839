"""What a build will take on this machine: from the pool's measurements, else from a table of costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from factory.kernels.job import Todo
from factory.kernels.schedule import Demand
from factory.kernels.unit import Unit
from factory.matrix.arch import Arch, FrontEnd, front_ends
from factory.matrix.model import FULL, Toolkit


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What decides a unit's cost besides its file: profile, front-end passes, machine-code targets."""

    profile: str
    passes: int
    targets: int

    @classmethod
    def of(cls, profile: str, passes: Sequence[FrontEnd]) -> Shape:
        """Return the shape of a unit from nothing: all of ``passes``, and every target made of them."""
        return cls(profile=profile, passes=len(passes), targets=sum(len(row.real) for row in passes))

    @classmethod
    def left(cls, profile: str, todo: Todo) -> Shape:
        """Return the shape of what is still to be done for a unit."""
        code = [*todo.front_end, *todo.from_ptx]
        return cls(profile=profile, passes=len(todo.front_end), targets=sum(len(stage.code) for stage in code))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A unit that was compiled before: its shape and what it took."""

    source: str
    shape: Shape
    demand: Demand


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The table of costs.

    ``base`` is by profile and kind, at head size 64, one pass and one target; ``head`` scales it to other sizes. A
    target beyond one a pass costs ``further_target`` of a pass. ``assembler_peak`` is in bytes; ``host`` is what host
    code alone takes, ``wheel`` the wheel step.
    """

    base: Mapping[tuple[str, str], Demand]
    head: Mapping[tuple[str, int], float]
    further_target: float
    assembler_peak: int
    host: Demand
    wheel: Demand

    def largest(self, profile: str) -> int:
        """Return the bytes the largest unit of a profile takes; an unknown profile counts as the full one."""
        rows = [row for (name, _), row in self.base.items() if name == profile]
        return max(row.peak for row in rows) if rows else self.largest("full")

    @property
    def peak(self) -> int:
        """The bytes that the largest unit of any profile takes."""
        return max(row.peak for row in self.base.values())

    def guess(self, unit: Unit, shape: Shape) -> Demand:
        """Return what ``unit`` takes by the table; an unknown profile counts as the full one.

        A shape without passes and targets is host code for another machine.
        """
        if not (shape.passes or shape.targets):
            return self.host
        base = self.base.get((shape.profile, unit.kind)) or self.base[FULL, unit.kind]
        targets = shape.passes + self.further_target * (shape.targets - shape.passes)
        factor = self.head.get((unit.kind, unit.head_size), 1.0) * targets
        return Demand(seconds=base.seconds * factor, peak=base.peak if shape.passes else self.assembler_peak)


def read_costs(table: Mapping[str, Any]) -> Costs:
    """Return the table that the parsed ``costs.toml`` holds. Raises KeyError where it lacks one of its keys."""
    return Costs(
        base={(name, kind): Demand(**row) for name, rows in table["profile"].items() for kind, row in rows.items()},
        head={(kind, int(size)): factor for kind, row in table["head"].items() for size, factor in row.items()},
        further_target=table["further_target"],
        assembler_peak=table["assembler_peak"],
        host=Demand(**table["host"]),
        wheel=Demand(**table["wheel"]),
    )


def expect(shapes: Mapping[Unit, Shape], costs: Costs, measured: Iterable[Measured]) -> dict[str, Demand]:
    """Return the expected demand of each unit in its shape, by the unit's key.

    A file compiled before in the same shape is taken at its word. The others are guessed from the table,
    scaled by how this machine's measurements compare with the table's guesses for the same files.
    """
    measured = tuple(measured)
    known = {(row.source, row.shape): row.demand for row in measured}
    ratios = sorted(
        row.demand.seconds / guess
        for row in measured
        if (guess := costs.guess(Unit(source=row.source, host="", stub=""), row.shape).seconds) > 0
    )
    speed = ratios[len(ratios) // 2] if ratios else 1.0

    def guessed(unit: Unit, shape: Shape) -> Demand:
        table = costs.guess(unit, shape)
        return Demand(seconds=table.seconds * speed, peak=table.peak)

    return {unit.key: known.get((unit.source, shape)) or guessed(unit, shape) for unit, shape in shapes.items()}


def shape_of(profile: str, archs: Iterable[Arch], toolkit: Toolkit) -> Shape:
    """Return the shape of a unit that is compiled for ``archs`` from nothing."""
    return Shape.of(profile, front_ends(archs, toolkit.front_end))
