"""Which cells are tried on a GPU and which are only imported: one Python stands for the others.

The kernels, and so the numbers, are the same for every Python of one flash-attn, CUDA, torch and ABI.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from factory.matrix.model import Cell, Representative
from factory.versions import python_key


@dataclass(frozen=True, kw_only=True)
class Division:
    """Cells by what is done with them; together they are all that were given."""

    tried: tuple[Cell, ...]
    imported: tuple[Cell, ...]


def divide(cells: Sequence[Cell], python: Representative) -> Division:
    """Return ``cells`` divided so that each set of equal kernels is tried with the Python that ``python`` names."""
    chosen: dict[Cell, Cell] = {}
    for cell in cells:
        rival = chosen.setdefault(_kin(cell), cell)
        if (python_key(cell.python) > python_key(rival.python)) == (python is Representative.NEWEST):
            chosen[_kin(cell)] = cell
    tried = set(cells) if python is Representative.ALL else set(chosen.values())
    return Division(
        tried=tuple(cell for cell in cells if cell in tried),
        imported=tuple(cell for cell in cells if cell not in tried),
    )


def _kin(cell: Cell) -> Cell:
    """Return what stands for all Pythons of ``cell``."""
    return replace(cell, python="")
