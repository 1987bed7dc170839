"""Which Pythons a module runs with, by the names it calls of Python: those of the stable ABI stay, others may go."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache

from factory.data import DATA
from factory.versions import version_key

_PREFIXES = ("Py", "_Py")


def names(symbols: Iterable[str]) -> frozenset[str]:
    """Return those of ``symbols`` that are Python's."""
    return frozenset(symbol for symbol in symbols if symbol.startswith(_PREFIXES))


def first_release(symbols: Iterable[str]) -> str | None:
    """Return the oldest Python, ``3.9``, whose stable ABI has all that ``symbols`` call of Python.

    None where they call nothing of it, or something that is in no release's stable ABI.
    """
    known = _table()
    releases = [known.get(name) for name in names(symbols)]
    since = [release for release in releases if release is not None]
    return max(since, key=version_key) if since and len(since) == len(releases) else None


def beyond(symbols: Iterable[str], release: str) -> tuple[str, ...]:
    """Return what ``symbols`` call of Python that the stable ABI of ``release``, ``3.9``, has not."""
    known, newest = _table(), version_key(release)
    return tuple(sorted(name for name in names(symbols) if name not in known or version_key(known[name]) > newest))


@cache
def _table() -> Mapping[str, str]:
    table = tomllib.loads((DATA / "abi3.toml").read_text(encoding="utf-8"))
    return {name: release for release, added in table.items() for name in added.split()}
