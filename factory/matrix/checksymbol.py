"""Under which name a torch exports the function that reports CUDA's errors, which tells torch series apart."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import groupby

from factory.data import DATA
from factory.versions import version_key


def check_symbol(series: str) -> str:
    """Return the mangled ``c10_cuda_check_implementation`` of the torch ``series``, ``2.6``.

    Of a series older than all that are known it is the oldest name.
    """
    known = sorted(_table(), key=version_key)
    return _table()[next((first for first in reversed(known) if version_key(first) <= version_key(series)), known[0])]


def span(symbol: str) -> tuple[str | None, str | None]:
    """Return the first torch series that exports ``symbol``, and the first behind it that no longer does.

    None for the oldest and the newest that are known, which are no bounds; None and None for an unknown name.
    """
    known = sorted(_table(), key=version_key)
    place = next((number for number, first in enumerate(known) if _table()[first] == symbol), None)
    if place is None:
        return None, None
    return known[place] if place else None, next(iter(known[place + 1 :]), None)


def spans(series: Iterable[str]) -> dict[str, str]:
    """Return, of torch ``series`` in their order, which export each name: ``2.4 to 2.9``."""
    alike = {symbol: tuple(named) for symbol, named in groupby(series, check_symbol)}
    return {symbol: f"{named[0]} to {named[-1]}" for symbol, named in alike.items()}


@cache
def _table() -> Mapping[str, str]:
    return tomllib.loads((DATA / "torch_symbols.toml").read_text(encoding="utf-8"))
