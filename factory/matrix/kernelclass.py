"""Kernel classes: which torch releases share the layouts and the symbol that kernels are compiled against."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from factory.data import DATA


@dataclass(frozen=True, kw_only=True)
class KernelClass:
    """What kernel objects share with torch: the stand-ins' macros and the check function's symbol."""

    name: str
    macros: tuple[str, ...]
    check_symbol: str


@cache
def kernel_classes() -> Mapping[str, KernelClass]:
    """Return every class of ``kernel_classes.toml`` by its name, in the order of that file."""
    table = tomllib.loads((DATA / "kernel_classes.toml").read_text(encoding="utf-8"))
    return {
        name: KernelClass(name=name, macros=tuple(row["macros"]), check_symbol=row["check_symbol"])
        for name, row in table.items()
    }
