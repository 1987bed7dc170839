"""The boundaries a verb works with, made once in ``__main__`` and handed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.output.log import Log
from factory.system.machine import Limits


@dataclass(frozen=True, kw_only=True)
class Session:
    """The cache's directory, the caller's environment, the log and the limits of one run."""

    cache: Path
    env: Mapping[str, str]
    log: Log
    limits: Limits
