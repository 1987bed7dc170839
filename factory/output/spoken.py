"""In whose words commands are said: one for the whole process, chosen where a person's words are read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

Fit = Callable[[str], str]
"""Takes a text and returns it with the commands that it names as a person here types them."""


class _Spoken:
    fit: Fit = staticmethod(str)


@contextlib.contextmanager
def spoken(fit: Fit) -> Iterator[None]:
    """Have ``fit`` asked for every text that is shown while the block runs."""
    before, _Spoken.fit = _Spoken.fit, staticmethod(fit)
    try:
        yield
    finally:
        _Spoken.fit = before


def fitted(text: str) -> str:
    """Return ``text`` as it is shown to people."""
    return _Spoken.fit(text)
