"""Whether a machine can build a cell: host code is compiled for the machine that compiles it."""

from __future__ import annotations

from collections.abc import Iterable

from factory.errors import UnfitError
from factory.matrix.model import Cell, Matrix


def foreign(cell: Cell, machine: str) -> str:
    """Return why ``machine``, as ``uname -m`` says it, cannot build ``cell``; empty where it can."""
    return (
        "" if cell.machine == machine else f"this is {machine}; a wheel for {cell.machine} is built on {cell.machine}"
    )


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
