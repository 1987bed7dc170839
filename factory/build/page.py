"""Built wheels, and the cells that failed beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from factory.audit import page as audit
from factory.audit.report import Report
from factory.errors import FactoryError
from factory.kernels import page as kernels
from factory.kernels.page import Tally
from factory.matrix.model import Cell
from factory.output import failure
from factory.output.markdown import Markup, code, joined, page, plain, section, table
from factory.output.progress import counted, duration

_COLUMNS = (*audit.COLUMNS, "time")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One cell that was to be built: its audit's report if a wheel was made, what went wrong, wall seconds."""

    cell: Cell
    seconds: float
    report: Report | None = None
    error: FactoryError | None = None


@dataclass(frozen=True, kw_only=True)
class BuildResults:
    """What came of all cells that were to be built, and of their kernels."""

    attempts: tuple[Attempt, ...]
    tallies: tuple[Tally, ...]

    @property
    def failures(self) -> tuple[FactoryError, ...]:
        """What went wrong, once for each cell."""
        return tuple(attempt.error for attempt in self.attempts if attempt.error is not None)


def markdown(outcome: BuildResults) -> str:
    """Return the page of a job."""
    attempts, failures = outcome.attempts, _failures(outcome.attempts)
    rows = [(*audit.row(one.report), duration(one.seconds)) for one in attempts if one.report]
    return page(
        f"{'❌' if failures else '✅'} Build: "
        f"{len(attempts) - len(outcome.failures)} of {counted(len(attempts), 'wheel')}",
        table(_COLUMNS, rows) if rows else Markup(),
        section("Failed", *(_failed(error, cells) for error, cells in failures)),
        section("Kernels", kernels.account(outcome.tallies)),
    )


def _failures(attempts: Iterable[Attempt]) -> list[tuple[FactoryError, list[Cell]]]:
    """Return every failure once, with the cells it befell: of a kernel set that failed, all of them."""
    found: dict[int, tuple[FactoryError, list[Cell]]] = {}
    for attempt in attempts:
        if attempt.error is not None:
            found.setdefault(id(attempt.error), (attempt.error, []))[1].append(attempt.cell)
    return list(found.values())


def _failed(error: FactoryError, cells: Sequence[Cell]) -> Markup:
    named = Markup("Not built: " + ", ".join(code(cell.id) for cell in cells))
    return joined(Markup(f"**{plain(error.what)}**"), failure.account(error), named)
