"""What a person probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Give the name most like ``word``, letter case aside, or None if none is like it."""
    known = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return known[close[0]] if close else None


def hint(word: str, names: Iterable[str]) -> str:
    """Give `` (did you mean NAME?)``, or nothing, to be put behind a message."""
    name = nearest(word, names)
    return f" (did you mean {name}?)" if name is not None else ""
