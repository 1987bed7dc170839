"""Ties a wheel to the torch series that it was linked to, in its METADATA: upstream requires just ``torch``.

An extension that was linked to one torch series is not promised to load beside another, and an installer knows
only what METADATA says. Nothing else of upstream's METADATA changes.
Source: https://packaging.python.org/en/latest/specifications/core-metadata/#requires-dist-multiple-use
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

_FIELD = re.compile(rb"^Requires-Dist:[ \t]*(.*?)\r?\n", re.MULTILINE | re.IGNORECASE)


def requirement(torch: str) -> str:
    """Return what a wheel for the series ``torch`` requires: ``torch==2.6.*`` of ``2.6``."""
    return f"torch=={torch}.*"


def pin(metadata: bytes, torch: str) -> bytes:
    """Return ``metadata``, the text of METADATA, with the requirement of the series ``torch`` in place of any torch.

    Raises ValueError where its head holds no requirement of torch: then it is not upstream's, and not understood.
    """
    head, end, body = metadata.partition(b"\n\n")
    line = f"Requires-Dist: {requirement(torch)}\n".encode()
    made, seen = [], 0
    for one in (head + b"\n").splitlines(keepends=True):
        found = _FIELD.fullmatch(one)
        if found and _is_torch(found[1].decode("utf-8")):
            made += [] if seen else [line]
            seen += 1
        else:
            made.append(one)
    if not seen:
        raise ValueError("METADATA requires no torch")
    return b"".join(made)[:-1] + end + body


def pinned_to(requires: Iterable[str], torch: str) -> bool:
    """Whether the requirements of a METADATA let in torch releases of the series ``torch``, and of no other."""
    bounds = [one.specifier for one in map(_parsed, requires) if one and canonicalize_name(one.name) == "torch"]
    return any(bound == SpecifierSet(requirement(torch).removeprefix("torch")) for bound in bounds)


def _is_torch(text: str) -> bool:
    found = _parsed(text)
    return found is not None and canonicalize_name(found.name) == "torch" and found.marker is None


def _parsed(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None
