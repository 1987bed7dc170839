"""The table of what compiles cost, which travels with the program."""

from __future__ import annotations

import tomllib
from functools import cache as once

from factory.data import DATA
from factory.kernels.estimate import Costs, read_costs


@once
def table() -> Costs:
    """Return the table of ``costs.toml``."""
    return read_costs(tomllib.loads((DATA / "costs.toml").read_text(encoding="utf-8")))
