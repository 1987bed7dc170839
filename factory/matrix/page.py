"""What a matrix.yaml changes against another one."""

from __future__ import annotations

from collections.abc import Iterable

from factory.matrix.difference import Difference, Group, headline
from factory.output.markdown import Markup, bullets, folded, note, page, plain, section, table

_COLUMNS = ("cells", "which", "change")
_PUBLISHED = "Wheels that are published already stay as they are, whatever fact changes."


def markdown(found: Difference, against: str) -> str:
    """Return the page of a job; ``against`` names the other file."""
    groups = found.groups
    return page(
        f"Plan against {against}",
        plain(f"{headline(found)}."),
        section("Wheels that are built by default", _table(group for group in groups if group.matters)),
        section("Facts", note(_PUBLISHED) if found.facts else Markup(), bullets(map(str, found.facts))),
        folded("Cells on request or left out", _table(group for group in groups if not group.matters)),
    )


def incomparable(against: str, why: Iterable[str], planned: str) -> str:
    """Return the page where the other file cannot be read, for the reasons ``why``, with what is ``planned`` now."""
    return page(f"Plan against {against}: cannot be compared", bullets(why), plain(planned))


def _table(groups: Iterable[Group]) -> Markup:
    rows = [(str(len(group.cells)), group.name, group.change) for group in groups]
    return table(_COLUMNS, rows) if rows else Markup()
