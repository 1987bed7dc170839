"""What a person probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_ALIKE = 0.6  # difflib's own measure of a close match


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name most like ``word``, letter case aside, or None if none is like it.

    Of equally close ones the one that begins most like ``word``: for ``cu125`` not ``cu132``.
    """
    scores = {name: _likeness(word.lower(), name.lower()) for name in names if _may_be(word.lower(), name.lower())}
    best = max(scores, key=lambda name: scores[name], default="")
    return best if best and scores[best][0] >= _ALIKE else None


def hint(word: str, names: Iterable[str]) -> str:
    """Return `` (did you mean NAME?)``, or nothing, to be put behind a message."""
    name = nearest(word, names)
    return f" (did you mean {name}?)" if name is not None else ""


def _may_be(word: str, name: str) -> bool:
    """Whether the letters both have, wherever they stand, are enough: thousands of mistakes are told in a second."""
    needed = _ALIKE * (len(word) + len(name)) / 2
    if min(len(word), len(name)) < needed:
        return False
    return sum(min(word.count(letter), name.count(letter)) for letter in set(name)) >= needed


def _likeness(word: str, name: str) -> tuple[float, int]:
    matcher = difflib.SequenceMatcher(None, word, name)
    first = matcher.get_matching_blocks()[0]
    return matcher.ratio(), first.size if first.a == first.b == 0 else 0
