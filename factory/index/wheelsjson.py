"""Reads ``wheels.json`` of an index, at an address or in a directory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin

from factory.errors import UnreachableError
from factory.index.published import LIST, Published, from_json
from factory.system import download

_SILENCE = 30.0  # seconds
_LIMIT = 100_000_000  # bytes; a hundred thousand wheels


def read(index: str) -> tuple[Published, ...]:
    """Return the wheels of an index, with absolute addresses.

    Raises UnreachableError where there is none, it does not answer, or its list is not one that this factory reads.
    """
    address = _address(index)
    content = _content(address)
    if content is None:
        raise UnreachableError(
            f"there is no index at {index}",
            why=[f"{address} is not there"],
            remedy="Name the root of an index, which holds wheels.json.",
        )
    with _understood(address):
        return tuple(replace(one, url=urljoin(address, one.url)) for one in from_json(content))


def former(index: str) -> tuple[Published, ...]:
    """Return the wheels of an index as it lists them; none where nothing was published yet.

    Raises UnreachableError where it cannot be told (an index that did not answer may have had some) or its list cannot
    be read.
    """
    address = _address(index)
    content = _content(address)
    with _understood(address):
        return () if content is None else from_json(content)


def _address(index: str) -> str:
    base = index if "://" in index else Path(index).absolute().as_uri()
    return f"{base.rstrip('/')}/{LIST}"


@contextlib.contextmanager
def _understood(address: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UnreachableError(
            f"{address} is no list of wheels that this factory reads",
            why=str(error).splitlines(),
            remedy="Make it anew with: nox -s index",
        ) from error


def _content(address: str) -> bytes | None:
    try:
        return download.read(address, limit=_LIMIT, silence=_SILENCE)
    except UnreachableError as error:
        why = [f"{address}: {reason}" for reason in error.why]
        raise UnreachableError("the index cannot be reached", why=why, remedy=error.remedy) from error
