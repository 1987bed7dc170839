"""Write a verdict beside its wheel, and show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from factory.errors import Fault, VerdictError
from factory.gpu_test import page as summary
from factory.gpu_test.verdict import Verdict
from factory.output import githubjob
from factory.session import Session
from factory.system import files
from factory.wheel.sidecars import VERDICT


def write(verdict: Verdict, wheel: Path, session: Session) -> None:
    """Show the verdict, write it beside ``wheel``, add it to a GitHub job's page.

    Raises VerdictError if it is not ok, OSError where it cannot be written.
    """
    path = verdict_path(wheel)
    page = summary.markdown(verdict)
    for table in tables(verdict):
        session.log.table(table)
    for line in (*summary.skip_lines(verdict), summary.headline(verdict)):
        session.log.say(line)
    files.write(path, verdict.to_json())
    files.write(path.with_suffix(".md"), page)
    session.log.say(f"verdict: {path}")
    githubjob.append(page, session.env, session.log.say)
    if not verdict.ok:
        raise VerdictError(
            f"{verdict.wheel} did not pass its test on {verdict.machine.gpu or 'this GPU'}",
            faults=[Fault(said=complaint) for complaint in verdict.complaints],
            remedy=f"Do not publish it. All numbers are in {path}; the same inputs again: --seed {verdict.seed}",
        )


def verdict_path(wheel: Path) -> Path:
    """Return where the verdict of ``wheel`` stands."""
    return wheel.with_name(f"{wheel.name}{VERDICT}")


def tables(verdict: Verdict) -> Iterator[Table]:
    """Yield the verdict laid out for a terminal."""
    yield _table("", ("", ""), summary.identity(verdict))
    yield _table("error", summary.GROUP_COLUMNS, summary.group_rows(verdict))
    if verdict.timings:
        yield _table("speed", summary.TIMING_COLUMNS, summary.timing_rows(verdict))
    yield _table("architectures", summary.ARCH_COLUMNS, summary.arch_rows(verdict))


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    made = Table(title=title or None, title_justify="left", show_header=any(columns))
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))  # what a trial printed may look like markup
    return made
