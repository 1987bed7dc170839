"""Gather what the page of a job says of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from factory.matrix import kernelset
from factory.matrix.kernelset import KernelSetId
from factory.matrix.model import Matrix, Planned
from factory.plan import plan
from factory.plan.page import PlanPage, SetEstimate
from factory.plan.plan import Estimate
from factory.session import Session


def plan_page(
    rows: Sequence[Planned],
    built: Sequence[Planned],
    sets: Mapping[KernelSetId, Estimate],
    *,
    matrix: Matrix,
    session: Session,
) -> PlanPage:
    """Return the plan ``rows`` with the estimates ``sets`` of what is to be ``built``, empty for none."""
    wheels = Counter(kernelset.need_of(row.cell, matrix) for row in built)
    needs = tuple(
        SetEstimate(
            name=str(need),
            wheels=wheels[need],
            units=row.units,
            seconds=row.seconds,
            cpu_seconds=row.cpu_seconds,
            peak=row.peak,
        )
        for need, row in sets.items()
    )
    none = "no estimate, for the source is not to be had" if built else ""
    total = plan.total(sets, len(built), session) if sets else none
    return PlanPage(
        rows=tuple(rows), built=tuple(built), sets=needs, total=total, images=tuple(plan.images(built, matrix))
    )
