"""Who is shown the bytes of files as they come: one for the whole process, as there is one terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

Tell = Callable[[int], object]
"""Takes how many bytes of a file are here."""
Show = Callable[[str, int | None], AbstractContextManager[Tell]]
"""Takes the name of a file and its size in bytes, where that is known, and yields what is told while it comes."""


@contextlib.contextmanager
def _nobody(_name: str, _size: int | None) -> Iterator[Tell]:
    yield lambda _: None


class _Shown:
    show: Show = staticmethod(_nobody)


@contextlib.contextmanager
def shown(show: Show) -> Iterator[None]:
    """Have ``show`` asked for every file that comes while the block runs."""
    before, _Shown.show = _Shown.show, staticmethod(show)
    try:
        yield
    finally:
        _Shown.show = before


def coming(name: str, size: int | None) -> AbstractContextManager[Tell]:
    """Return what is told of the file ``name`` while it comes; ``size`` is in bytes, None where nobody said it."""
    return _Shown.show(name, size)
