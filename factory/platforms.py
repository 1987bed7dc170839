"""Machines that wheels are for, and what compilers, containers and toolkits call each."""

from __future__ import annotations

import platform
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from factory.data import DATA


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A machine by its ``name``, as ``uname -m`` says it: ``x86_64``.

    ``elf`` is its number in shared objects, ``loader`` what loads them, ``image`` its name in container images,
    ``triple`` that of its compilers, ``cuda`` its directory in a toolkit, ``cross`` the package of a g++ that compiles
    for it on another machine. ``builds`` are the machines that wheels can be built for on it.
    """

    name: str
    elf: int
    loader: str
    image: str
    triple: str
    cuda: str
    cross: str
    builds: tuple[str, ...]


@cache
def platforms() -> Mapping[str, Platform]:
    """Return every machine of ``platforms.toml`` by its name, in the order of that file."""
    table = tomllib.loads((DATA / "platforms.toml").read_text(encoding="utf-8"))
    return {name: Platform(name=name, builds=tuple(row.pop("builds")), **row) for name, row in table.items()}


def usual() -> str:
    """Return the name of the machine that names of kernel sets leave out: the guide's, the first of the file."""
    return next(iter(platforms()))


def own_machine() -> str:
    """Return the name of the machine that this runs on, which may be one that no wheels are for."""
    return platform.machine()
