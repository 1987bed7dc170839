"""What is not built at all, by the words that people ask for it with."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache

from factory.data import DATA


@cache
def unserved() -> Mapping[str, str]:
    """Return why each word of ``unserved.toml``, such as ``cu118``, names nothing that is built."""
    return tomllib.loads((DATA / "unserved.toml").read_text(encoding="utf-8"))
