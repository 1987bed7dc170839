"""A plan as programs read it; ``factory/data/plan.schema.json`` describes its JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from factory.matrix.model import State

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class PlannedImage:
    """The image that a wheel is built in, where there is an engine; ``digest`` is None where it is not pinned."""

    name: str
    digest: str | None


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """A cell by its tokens, what the plan does with it and why, its wheel and release, and its kernel set.

    The wheel takes ``seconds`` of wall time, and ``peak_bytes`` of memory, beside its kernels.
    """

    id: str
    state: State
    reason: str
    profile: str
    archs: tuple[str, ...]
    wheel: str
    release: str
    kernels: str
    image: PlannedImage | None
    seconds: float
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class PlannedSet:
    """A kernel set that the plan needs: ``seconds`` of wall time here, of CPU, and the bytes of its largest unit."""

    id: str
    units: int
    seconds: int
    cpu_seconds: int
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class PlanDocument:
    """All cells that were asked for, and the kernel sets of those that are to be built."""

    schema: int = SCHEMA
    cells: tuple[PlannedCell, ...]
    kernel_sets: tuple[PlannedSet, ...]

    def to_json(self) -> str:
        """Return it as JSON text."""
        return json.dumps(asdict(self), indent=2)
