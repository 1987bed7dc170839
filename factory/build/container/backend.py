"""Containers as what builds: one for the kernels of a set, and one for each wheel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.build.build import Order
from factory.build.container import kernels, wheel
from factory.build.container.kernels import Portion
from factory.build.container.session import Containers
from factory.kernels.page import Tally
from factory.matrix.model import Cell
from factory.wheel.facts import Expected


@dataclass(frozen=True, kw_only=True)
class ContainerBackend:
    """The backend whose containers come from ``containers``."""

    order: Order
    containers: Containers

    def kernels(self, cells: Sequence[Cell], portion: Portion) -> Tally:
        """Have the kernels that ``cells`` share, or a ``portion`` of them, in the pool; return what came from where.

        Raises what ``factory.build.container.kernels.kernels`` raises.
        """
        return kernels.kernels(cells[0], self.containers, self.order.session, portion, fetch=self.order.fetch)

    def wheel(self, cell: Cell, dist: Path) -> Path:
        """Make the wheel of ``cell`` and return its path in ``dist``.

        Raises what ``factory.build.container.wheel.build`` raises.
        """
        return wheel.build(cell, self.containers, self.order.session, dist=dist)

    def expected(self, cell: Cell) -> Expected:
        """Return what the audit holds the wheel of ``cell`` to. Raises ImageError where it has no image."""
        return wheel.expected(cell, self.containers, self.order.session)
