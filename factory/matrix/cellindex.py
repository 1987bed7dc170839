"""Cells by the tokens of their ids, so that thousands of questions after them cost little more than one.

A set of cells is a number: bit N stands for the cell at place N.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from factory.matrix.model import Cell


@dataclass(frozen=True, kw_only=True)
class CellIndex:
    """Of each axis, the cells by the token they have on it; ``every`` is all cells."""

    axes: tuple[Mapping[str, int], ...]
    every: int

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> CellIndex:
        """Return the index of ``cells``, which stand for their places in it."""
        axes: list[dict[str, int]] = [{} for _ in (cells[0].id.split() if cells else ())]
        for at, cell in enumerate(cells):
            for axis, token in zip(axes, cell.id.split(), strict=True):
                axis[token] = axis.get(token, 0) | 1 << at
        return cls(axes=tuple(axes), every=(1 << len(cells)) - 1)

    def on(self, axis: int, tokens: Collection[str]) -> int:
        """Return the cells that have one of ``tokens`` on the ``axis`` of that number; all, where none is named."""
        if not tokens or not self.every:
            return self.every
        found = 0
        for token in tokens:
            found |= self.axes[axis].get(token, 0)
        return found

    def having(self, wanted: Sequence[Collection[str]]) -> int:
        """Return the cells that have one of the tokens ``wanted`` on each axis."""
        found = self.every
        for axis, tokens in enumerate(wanted):
            found &= self.on(axis, tokens)
        return found


def places(found: int) -> Iterator[int]:
    """Yield the places of the cells of a set."""
    while found:
        lowest = found & -found
        yield lowest.bit_length() - 1
        found ^= lowest
