"""What a person probably meant: thousands of mistakes are told in a second."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

_ALIKE = 0.6  # difflib's own measure of a close match
_MOST = 100  # names that are listed and compared; a matrix has a dozen of a kind, a damaged one thousands


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name most like ``word``, letter case aside, or None if none is like it.

    Of equally close ones the one that begins most like ``word``: for ``cu125`` not ``cu132``.
    """
    known, lower = _known(tuple(names)), word.lower()
    letters = known.letters_of(lower)
    scores = {
        name: _likeness(lower, matcher)
        for name, (own, size, matcher) in known.names.items()
        if (letters & own).bit_count() >= _ALIKE / 2 * (len(lower) + size)
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


@dataclass(frozen=True)
class _Known:
    """Of each name the set of its letters, how many it has, and what compares words with it; ``bits`` are for letters.

    A set is a number with a bit for the first ``a``, another for the second. Letters that two have in common, wherever
    they stand, are all that difflib may find alike, and are counted at once.
    """

    names: Mapping[str, tuple[int, int, SequenceMatcher[str]]]
    bits: Mapping[tuple[str, int], int]

    def letters_of(self, word: str) -> int:
        """Return the set of those letters of ``word`` that some name has."""
        return sum(self.bits.get(letter, 0) for letter in _letters(word))


@lru_cache
def _known(names: tuple[str, ...]) -> _Known:
    letters = {name: _letters(name.lower()) for name in names}
    bits = {letter: 1 << at for at, letter in enumerate(dict.fromkeys(itertools.chain(*letters.values())))}
    return _Known(
        names={
            name: (sum(bits[letter] for letter in own), len(own), SequenceMatcher(None, "", name.lower()))
            for name, own in letters.items()
        },
        bits=bits,
    )


def _letters(word: str) -> list[tuple[str, int]]:
    """Return each letter with how many of its kind stand before it."""
    return [(letter, word.count(letter, 0, at)) for at, letter in enumerate(word)]


def _likeness(word: str, matcher: SequenceMatcher[str]) -> tuple[float, int]:
    matcher.set_seq1(word)
    first = matcher.get_matching_blocks()[0]
    return matcher.ratio(), first.size if first.a == first.b == 0 else 0
