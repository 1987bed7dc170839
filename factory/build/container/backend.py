"""Containers as what builds: one for the kernels of a set, and one for each wheel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from factory.build import madewith, setup
from factory.build.build import Order
from factory.build.container import kernels, wheel
from factory.build.container.kernels import Portion
from factory.build.container.session import Containers
from factory.kernels.page import Tally
from factory.matrix.kernelset import KernelSetId, need_of
from factory.matrix.model import Cell
from factory.wheel.facts import Expected
from factory.wheel.madewith import KernelInputs, MadeWith


@dataclass(frozen=True, kw_only=True)
class ContainerBackend:
    """The backend whose containers come from ``containers``."""

    order: Order
    containers: Containers
    _inputs: dict[KernelSetId, KernelInputs] = field(default_factory=dict, init=False)

    def kernels(self, cells: Sequence[Cell], portion: Portion) -> Tally:
        """Have the kernels that ``cells`` share, or a ``portion`` of them, in the pool; return what came from where.

        Raises what ``factory.build.container.kernels.kernels`` raises.
        """
        made = kernels.kernels(cells[0], self.containers, self.order.session, portion, fetch=self.order.fetch)
        if made.inputs is not None:
            self._inputs[need_of(cells[0], self.order.matrix)] = made.inputs
        return made

    def wheel(self, cell: Cell, dist: Path) -> Path:
        """Make the wheel of ``cell`` and return its path in ``dist``.

        Raises what ``factory.build.container.wheel.build`` raises.
        """
        return wheel.build(cell, self.containers, self.order.session, dist=dist)

    def expected(self, cell: Cell) -> Expected:
        """Return what the audit holds the wheel of ``cell`` to. Raises ImageError where it has no image."""
        inputs = self._inputs.get(need_of(cell, self.order.matrix))
        told = None if inputs is None else self._told(cell, inputs)
        return replace(wheel.expected(cell, self.containers, self.order.session), made_with=told)

    def _told(self, cell: Cell, inputs: KernelInputs) -> MadeWith:
        order = self.order
        return madewith.contained(setup.wanted(cell, order.matrix), inputs, order.matrix, order.session.env)
