"""Whether a machine can build a cell, whose host code is for one machine: itself, or with a cross compiler."""

from __future__ import annotations

from collections.abc import Iterable

from factory.errors import UnfitError
from factory.matrix.model import Cell, Matrix
from factory.platforms import platforms


def foreign(cell: Cell, machine: str) -> str:
    """Return why ``machine``, as ``uname -m`` says it, cannot build ``cell``; empty where it can."""
    builders = [row.name for row in platforms().values() if cell.machine in row.builds]
    if machine in builders:
        return ""
    return f"this is {machine}; a wheel for {cell.machine} is built on {' or '.join(builders)}"


def crossed(cells: Iterable[Cell], machine: str) -> tuple[str, ...]:
    """Return the machines, other than ``machine`` itself, that ``cells`` are for, each once."""
    return tuple(dict.fromkeys(cell.machine for cell in cells if cell.machine != machine))


def uncontained(cells: Iterable[Cell], machine: str) -> str:
    """Return why containers of ``machine`` do not build ``cells``; empty where they may."""
    abroad = crossed(cells, machine)
    return f"wheels for {' and '.join(abroad)} are not built in containers of {machine}" if abroad else ""


def remedy(machine: str, matrix: Matrix) -> str:
    """Return what to type on ``machine``, for which the cell that was asked for is not."""
    known = machine in matrix.machine_archs
    return (
        f"See which wheels there are for it: nox -s plan -- --why {machine}" if known else "Build on another machine."
    )


def demand(cells: Iterable[Cell], machine: str, matrix: Matrix) -> None:
    """Raise UnfitError where ``machine`` cannot build all of ``cells``."""
    why = list(dict.fromkeys(said for cell in cells if (said := foreign(cell, machine))))
    if why:
        raise UnfitError("this machine cannot build that", why=why, remedy=remedy(machine, matrix))
