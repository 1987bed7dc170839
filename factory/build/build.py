"""Build wheels set by set: the kernels of a set, then each wheel of it and its audit, by whatever backend does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

from factory.audit import audit
from factory.audit.report import Report
from factory.build.container.kernels import Portion
from factory.build.page import Attempt, BuildResults
from factory.errors import FactoryError
from factory.kernels.kernels import Fetch
from factory.kernels.page import Tally
from factory.matrix.kernelset import need_of
from factory.matrix.model import Cell, Matrix
from factory.session import Session
from factory.wheel.facts import Expected


@dataclass(frozen=True, kw_only=True)
class Order:
    """The cells that are meant, those of one kernel set side by side.

    ``fetch`` brings published kernels, None for none.
    """

    cells: tuple[Cell, ...]
    matrix: Matrix
    session: Session
    fetch: Fetch | None = None


class Backend(Protocol):
    """Where kernels are compiled and wheels are made.

    A method that fails raises the FactoryError of what went wrong.
    """

    def kernels(self, cells: Sequence[Cell], portion: Portion) -> Tally:
        """Have the kernels that ``cells`` share, or a ``portion`` of them, in the pool; return what came from where."""

    def wheel(self, cell: Cell, dist: Path) -> Path:
        """Make the wheel of ``cell``, for which ``kernels`` was called, and return its path in ``dist``."""

    def expected(self, cell: Cell) -> Expected:
        """Return what the audit holds the wheel of ``cell`` to, once ``kernels`` was called for it."""


Tell = Callable[[FactoryError], None]
"""Prints what went wrong with a cell, or with the kernels of several, while the others go on."""


def build(order: Order, backend: Backend, dist: Path, *, tell: Tell) -> BuildResults:
    """Build the wheels of ``order`` into ``dist`` and return what came of each.

    A set that fails takes its own cells along and no others: ``tell`` gets its error, which is not raised.
    """
    attempts: list[Attempt] = []
    tallies: list[Tally] = []
    for _, rows in groupby(order.cells, key=lambda cell: need_of(cell, order.matrix)):
        cells = list(rows)
        try:
            tallies.append(backend.kernels(cells, Portion()))
        except FactoryError as error:
            attempts += [Attempt(cell=cell, seconds=0, error=error) for cell in cells]
            tell(error)
            continue
        for cell in cells:
            attempt = _attempt(cell, backend, dist, say=order.session.log.say)
            if attempt.error is not None:
                tell(attempt.error)
            attempts.append(attempt)
    return BuildResults(attempts=tuple(attempts), tallies=tuple(tallies))


def _attempt(cell: Cell, backend: Backend, dist: Path, *, say: Callable[[str], None]) -> Attempt:
    """Make a wheel and audit it."""
    began = time.monotonic()
    reports: list[Report] = []
    failure = None
    try:
        made = backend.wheel(cell, dist)
        audit.run([made], expect=lambda _: backend.expected(cell), say=say, keep=reports.append)
    except FactoryError as error:
        failure = error
    return Attempt(cell=cell, seconds=time.monotonic() - began, report=next(iter(reports), None), error=failure)
