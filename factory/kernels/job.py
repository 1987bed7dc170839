"""What a compile process is told, and what of it is still to be done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from factory.kernels.unit import Stage, Unit
from factory.matrix.arch import Arch


@dataclass(frozen=True, kw_only=True)
class Cross:
    """What compiles host code for another machine: the command ``nvcc`` as in ``Job``, the programs' paths."""

    nvcc: tuple[str, ...]
    fatbinary: str
    objcopy: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """One unit to compile.

    ``nvcc`` is the command with all flags but the unit's own, gencode, input and output, empty where host code alone
    may be compiled; ``objcopy`` a program; ``cwd`` the sdist's root, ``pool`` the pool's. ``cross`` is there where the
    wheel is for another machine than the one that compiled the rest.
    """

    unit: Unit
    profile: str
    pool: str
    nvcc: tuple[str, ...]
    objcopy: str
    cwd: str
    cross: Cross | None = None

    @property
    def key(self) -> str:
        """What the unit is known by."""
        return self.unit.key

    def to_json(self) -> str:
        """Return the text ``from_json`` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Return the job that ``to_json`` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        fields = json.loads(text)
        unit, cross = fields.pop("unit"), fields.pop("cross")
        stages = tuple(_stage(row) for row in unit.pop("stages"))
        return cls(
            unit=Unit(stages=stages, **unit),
            nvcc=tuple(fields.pop("nvcc")),
            cross=cross and Cross(nvcc=tuple(cross.pop("nvcc")), **cross),
            **fields,
        )


def _stage(row: dict[str, Any]) -> Stage:
    code = tuple((Arch(**arch), key) for arch, key in row["code"])
    return Stage(virtual=Arch(**row["virtual"]), ptx=row["ptx"], embedded=row["embedded"], code=code)


@dataclass(frozen=True, kw_only=True)
class Todo:
    """What is to be run for a unit.

    ``front_end``: the passes to make, each with only the machine code that is lacking. ``from_ptx``: the same
    for passes whose PTX is here, so that only the assembler runs. ``cross``: whether host code for another machine is
    to be compiled, which runs neither.
    """

    front_end: tuple[Stage, ...]
    from_ptx: tuple[Stage, ...]
    cross: bool = False

    @property
    def host_alone(self) -> bool:
        """Whether neither front end nor assembler runs: no machine code is made."""
        return not self.front_end and not self.from_ptx


def todo(unit: Unit, here: Callable[[str], bool]) -> Todo:
    """Return what makes the parts of ``unit`` that are not ``here`` with the least work."""
    front_end: list[Stage] = []
    from_ptx: list[Stage] = []
    for stage in unit.stages:
        left = replace(stage, code=tuple((arch, key) for arch, key in stage.code if not here(key)))
        if (left.code or stage.embedded) and not here(stage.ptx):
            front_end.append(left)
        elif left.code:
            from_ptx.append(left)
    cross = unit.native is not None and not here(unit.host)
    if not (front_end or here(unit.host) or (cross and here(unit.stub))):
        # Host code, or the stubs it is compiled with, comes only with a pass; the first does as well as any.
        first = unit.stages[0]
        front_end = [next((left for left in from_ptx if left.virtual == first.virtual), replace(first, code=()))]
        from_ptx = [left for left in from_ptx if left.virtual != first.virtual]
    return Todo(front_end=tuple(front_end), from_ptx=tuple(from_ptx), cross=cross)
