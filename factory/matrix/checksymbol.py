"""Under which name a torch exports the function that reports CUDA's errors, which tells torch series apart."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache

from factory.data import DATA
from factory.versions import version_key


def check_symbol(series: str) -> str:
    """Return the mangled ``c10_cuda_check_implementation`` of the torch ``series``, ``2.6``, 2.4 or newer.

    Raises ValueError for an older one.
    """
    return _table()[max((first for first in _table() if version_key(first) <= version_key(series)), key=version_key)]


@cache
def _table() -> Mapping[str, str]:
    return tomllib.loads((DATA / "torch_symbols.toml").read_text(encoding="utf-8"))
