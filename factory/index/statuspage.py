"""The page that says how far the factory is, which needs no JavaScript."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from string import Template

from factory.index.status import FILE, MISSING, CellStatus, RunStatus, Standing, Status
from factory.output.progress import counted
from factory.versions import python_tag, without_python

PAGE = "status.html"
"""Its name below the index's root, and its template's."""
_NONE = "<p>None.</p>"


def files(status: Status, template: str) -> dict[str, str]:
    """Return path below the index's root and content of the page, ``template`` filled in, and of what programs read."""
    return {PAGE: page(status, template), FILE: status.to_json()}


def page(status: Status, template: str) -> str:
    """Return ``template`` filled in: sentences, the last run, and a table of the cells of each kind.

    Raises KeyError or ValueError where the template asks for anything else.
    """
    missing, published = status.having(*MISSING), status.having(Standing.PUBLISHED)
    names = {cell.wheel for cell in published}  # two CUDA releases of a major may share a name
    return Template(template).substitute(
        count=_count(len(missing), len(names)),
        written=f'Written <time datetime="{status.written}">{status.written[:10]} {status.written[11:16]} UTC</time>.',
        run=_run(status.run) if status.run else "",
        missing=_cells("Missing", missing) if missing else "<p>Nothing that matrix.yaml wants is missing.</p>",
        published=_cells("Published", published),
        on_request=_cells("Built when asked for by name", status.having(Standing.ON_REQUEST)),
        skipped=_cells("Left out by the matrix", status.having(Standing.SKIPPED)),
        unserved=_table("Not served at all", ("Word", "Why"), status.unserved.items()),
    )


def _count(missing: int, published: int) -> str:
    there = f"{counted(published, 'wheel')} of matrix.yaml {'is' if published == 1 else 'are'} published"
    return f"{there}, {counted(missing, 'wheel')} that it wants {'is' if missing == 1 else 'are'} missing."


def _run(run: RunStatus) -> str:
    jobs = _table("Jobs of the last run", ("Job", "Result"), [(job.name, job.result) for job in run.jobs])
    told = f'<p><a href="{escape(run.url)}">Its page</a> says what failed in it, why, and what to do.</p>'
    return f"<h2>Last run</h2>\n{told}\n{jobs}"


def _cells(name: str, cells: Iterable[CellStatus]) -> str:
    """Return a table with the Pythons of what is else alike in one row."""
    kin: dict[tuple[str, str, str], list[str]] = {}
    for cell in cells:
        key = without_python(cell.id, cell.python), cell.state.value, cell.reason
        kin.setdefault(key, []).append(python_tag(cell.python))
    rows = [(tokens, " ".join(tags), state, reason) for (tokens, state, reason), tags in kin.items()]
    return _table(name, ("Wheels", "Python", "State", "Why"), rows)


def _table(name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table called ``name``; what its ``rows`` hold is text."""
    titles = "".join(f'<th scope="col">{title}' for title in head)
    body = "\n".join(f'<tr><th scope="row">{"<td>".join(map(escape, row))}' for row in rows)
    caption = f'<caption><span class="unseen">{name}</span></caption>'
    return f"<table>{caption}<thead><tr>{titles}<tbody>\n{body}</table>" if body else _NONE
