"""What is left of a plan: the join of its cells with the wheels that are published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from factory.index.published import Published
from factory.matrix.model import Planned, State
from factory.matrix.wheelname import wheel_filename


def less_published(planned: Iterable[Planned], published: Iterable[Published]) -> tuple[Planned, ...]:
    """Return ``planned`` with the cells marked whose wheel, by its exact file name, is among ``published``.

    A name holds only the CUDA major and no architecture, and what is in a release never changes: a chosen cell whose
    name was given to a wheel of another CUDA counts as published too, and its reason says so. A cell on request does
    not, for it may be built all the same.
    """
    there = {one.filename: one for one in published}
    return tuple(_judged(row, there.get(wheel_filename(row.cell))) for row in planned)


def _judged(row: Planned, wheel: Published | None) -> Planned:
    if wheel is None or row.state is State.SKIPPED:
        return row
    other = wheel.cuda not in {None, row.cell.cuda}
    if other and row.state is State.ON_REQUEST:
        return row
    reason = f"is in release {wheel.tag} since {wheel.uploaded[:10]}"
    if other:
        reason += f", made with CUDA {wheel.cuda}"
    if wheel.yanked is not None:
        reason += f", withdrawn: {wheel.yanked}"
    return replace(row, state=State.PUBLISHED, reason=reason)
