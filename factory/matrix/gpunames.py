"""Compute capabilities of GPUs by the names that drivers give them: ``factory/data/gpus.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from factory.data import DATA


@dataclass(frozen=True, kw_only=True)
class Gpus:
    """GPUs of one ``capability``: a regular expression that finds their ``names``, and ``examples`` for people."""

    capability: str
    names: str
    examples: str


@cache
def gpus() -> Sequence[Gpus]:
    """Return all that are known, in the order of the file."""
    table = tomllib.loads((DATA / "gpus.toml").read_text(encoding="utf-8"))
    return tuple(Gpus(**row) for row in table["gpu"])


def capability_of(name: str) -> str | None:
    """Return ``12.0`` of ``NVIDIA GeForce RTX 5090``; None of a GPU that the file does not know."""
    return next((row.capability for row in gpus() if re.search(row.names, name)), None)
