"""New things: which have an issue, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from factory.output.markdown import bullets, page, section, table
from factory.output.progress import are, counted
from factory.update.proposal import Proposal

_COLUMNS = ("new", "issue")


def markdown(proposals: Sequence[Proposal], numbers: Mapping[str, int], silent: Sequence[str]) -> str:
    """Return the page of a job; ``numbers`` are those of the issues, by the proposal's key."""
    rows = [(one.title, f"#{numbers[one.key]}" if one.key in numbers else "none") for one in proposals]
    return page(
        f"{'⚠️' if silent else '✅'} Update: {counted(len(proposals), 'thing')} {are(len(proposals))} new",
        table(_COLUMNS, rows) if rows else bullets(["Nothing is newer than what matrix.yaml and the workflows have."]),
        section("Not looked at", bullets(silent)),
    )
