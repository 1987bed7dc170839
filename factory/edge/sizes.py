"""The table of sizes, which travels with the program."""

from __future__ import annotations

import tomllib
from functools import cache as once

from factory.core.sizes import Sizes
from factory.data import DATA


@once
def table() -> Sizes:
    """Read it."""
    return Sizes.read(tomllib.loads((DATA / "sizes.toml").read_text(encoding="utf-8")))
