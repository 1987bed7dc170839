"""What compiling for fewer architectures saves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from factory.matrix import cells
from factory.matrix.arch import Arch
from factory.matrix.model import Matrix, Planned
from factory.output.progress import duration
from factory.plan.plan import estimates
from factory.session import Session

_WORTH = 0.9  # of the time: for less, a wheel that runs on other GPUs too is the better one


def line(planned: Sequence[Planned], own: Sequence[Arch], matrix: Matrix, session: Session) -> str:
    """Return a line on what the kernels of ``planned`` take for the architectures ``own`` alone, not the matrix's.

    Empty if that is hardly less, or flash-attn or a toolkit cannot have those. Raises what ``plan.estimates`` raises.
    """
    if cells.too_old(own, matrix.oldest_arch) or any(cells.cannot_make(own, row.cell.cuda, matrix) for row in planned):
        return ""
    whole = [replace(row, cell=replace(row.cell, archs=_usual(row, matrix))) for row in planned]
    fewer = [replace(row, cell=replace(row.cell, archs=tuple(own))) for row in planned]
    now, then = (sum(row.seconds for row in estimates(rows, matrix, session).values()) for rows in (whole, fewer))
    if then >= now * _WORTH:
        return ""
    named = ", ".join(map(str, own))
    return (
        f"kernels for the GPUs of this machine alone ({named}; --archs native) take {duration(then)}, "
        f"for all that the matrix names {duration(now)}"
    )


def _usual(row: Planned, matrix: Matrix) -> tuple[Arch, ...]:
    return matrix.archs_of(row.cell.cuda, row.cell.machine)
