"""What an index must not lose: every wheel it once had, as the very file it was."""

from __future__ import annotations

from collections.abc import Iterable

from factory.index.published import Published


def losses(previous: Iterable[Published], published: Iterable[Published]) -> tuple[str, ...]:
    """Say of each wheel of ``previous`` that is gone, or another file now, what is wrong, a line each."""
    now = {one.filename: one.sha256 for one in published}
    return tuple(
        f"{one.filename} would be another file, sha256 {now[one.filename]} instead of {one.sha256}"
        if one.filename in now
        else f"{one.filename} would go"
        for one in previous
        if now.get(one.filename) != one.sha256
    )
