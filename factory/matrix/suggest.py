"""What a person probably meant."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection, Iterable
from functools import lru_cache

_ALIKE = 0.6  # difflib's own measure of a close match
_MOST = 100  # names that are listed and compared; a matrix has a dozen of a kind, a damaged one thousands


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name most like ``word``, letter case aside, or None if none is like it.

    Of equally close ones the one that begins most like ``word``: for ``cu125`` not ``cu132``.
    """
    lower = word.lower()
    scores = {
        name: _likeness(lower, name.lower())
        for name, least, others in _known(tuple(names))
        if len(lower) - len(lower.translate(others)) >= least + _ALIKE / 2 * len(lower) and _may_be(lower, name.lower())
    }
    best = max(scores, key=lambda name: scores[name], default="")
    return best if best and scores[best][0] >= _ALIKE else None


def hint(word: str, names: Iterable[str]) -> str:
    """Return `` (did you mean NAME?)``, or nothing, to be put behind a message."""
    name = nearest(word, names)
    return f" (did you mean {name}?)" if name is not None else ""


def offered(word: str, names: Collection[str]) -> str:
    """Return ``there are NAMES (did you mean NAME?)``, to be put behind a message: of many names the first hundred."""
    first = list(itertools.islice(names, _MOST))
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"there are {', '.join(first)}{more}{hint(word, first)}"


def _may_be(word: str, name: str) -> bool:
    """Whether the letters both have, wherever they stand, are enough: thousands of mistakes are told in a second."""
    needed = _ALIKE * (len(word) + len(name)) / 2
    if min(len(word), len(name)) < needed:
        return False
    return sum(min(word.count(letter), name.count(letter)) for letter in set(name)) >= needed


@lru_cache
def _known(names: tuple[str, ...]) -> tuple[tuple[str, float, dict[int, None]], ...]:
    """Return each name, its share in the letters that must be alike, and what takes its letters out of a word."""
    return tuple((name, _ALIKE / 2 * len(name), dict.fromkeys(map(ord, name.lower()))) for name in names)


def _likeness(word: str, name: str) -> tuple[float, int]:
    matcher = difflib.SequenceMatcher(None, word, name)
    first = matcher.get_matching_blocks()[0]
    return matcher.ratio(), first.size if first.a == first.b == 0 else 0
