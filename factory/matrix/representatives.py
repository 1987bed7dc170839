"""Which cells are tried on a GPU and which are only imported: one Python stands for the others.

The kernels, and so the numbers, are the same for every Python of one flash-attn, CUDA, torch and ABI, and for every
machine: those with a GPU that the matrix names are of the usual one, so wheels for others are only imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from factory.matrix.model import Cell, Representative
from factory.platforms import usual
from factory.versions import python_key


@dataclass(frozen=True, kw_only=True)
class Division:
    """Cells by what is done with them; together they are all that were given."""

    tried: tuple[Cell, ...]
    imported: tuple[Cell, ...]


def divide(cells: Sequence[Cell], python: Representative) -> Division:
    """Return ``cells`` divided so that each set of equal kernels is tried with the Python that ``python`` names."""
    chosen: dict[Cell, Cell] = {}
    own = [cell for cell in cells if cell.machine == usual()]
    for cell in own:
        rival = chosen.setdefault(_alike(cell), cell)
        if (python_key(cell.python) > python_key(rival.python)) == (python is Representative.NEWEST):
            chosen[_alike(cell)] = cell
    tried = set(own) if python is Representative.ALL else set(chosen.values())
    return Division(
        tried=tuple(cell for cell in cells if cell in tried),
        imported=tuple(cell for cell in cells if cell not in tried),
    )


def kin(cell: Cell) -> Cell:
    """Return what stands for the cells whose kernels are those of ``cell``, whatever Python and machine they are for.

    A machine may have architectures beside those of another.
    """
    return replace(_alike(cell), machine="", archs=())


def _alike(cell: Cell) -> Cell:
    return replace(cell, python="")
