"""A plan laid out for a person at a terminal: rows of wheels that differ in Python alone, or every cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from factory.matrix.model import Planned, State
from factory.output.progress import counted
from factory.versions import python_tag, without_python

_GROUPED = ("wheels", "Python", "state", "reason")
_EVERY = ("cell", "state", "reason")


def grouped(planned: Sequence[Planned]) -> Table:
    """Return ``planned`` with the Pythons of what is else alike in one row."""
    kin: dict[tuple[str, str, str], list[str]] = {}
    for row in planned:
        key = without_python(row.cell.id, row.cell.python), row.state.value, row.reason
        kin.setdefault(key, []).append(python_tag(row.cell.python))
    made = _table(len(planned), _GROUPED)
    for (tokens, state, reason), pythons in kin.items():
        made.add_row(tokens, " ".join(pythons), state, Text(reason))  # a reason may hold what looks like markup
    return made


def every(planned: Sequence[Planned]) -> Table:
    """Return ``planned``, a row each."""
    made = _table(len(planned), _EVERY)
    for row in planned:
        made.add_row(row.cell.id, row.state.value, Text(row.reason))
    return made


def others(planned: Sequence[Planned], shown: Sequence[Planned]) -> str:
    """Return a line on those ``planned`` that are not ``shown``; empty where all are."""
    left = Counter(row.state for row in planned)
    left.subtract(row.state for row in shown)
    said = ", ".join(f"{left[state]} {state.value}" for state in State if left[state])
    count = len(planned) - len(shown)
    return f"{counted(count, 'other cell')}: {said}; each with its reason: nox -s plan -- --all" if count else ""


def _table(count: int, columns: Sequence[str]) -> Table:
    made = Table(title=counted(count, "cell"), title_justify="left")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made
