"""How long to go on asking GitHub, and how often."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long to go on, in seconds, and how often without any success in between.

    An upload that somebody else began counts as given up after ``grace`` and the time that its bytes take at
    ``slowest`` bytes a second.
    """

    tries: int = 8
    first: float = 1.0
    longest: float = 60.0
    most_asked: float = 3600.0
    grace: float = 120.0
    slowest: float = 500_000.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def pause(self, asked: float | None, fruitless: int) -> float | None:
        """Return how many seconds to wait after so many ``fruitless`` tries in a row: as GitHub has ``asked``, else
        longer each time, and never as long as another program does. None where it asks for too long.
        """
        growing = min(self.first * 2 ** (fruitless - 1), self.longest)
        seconds = growing if asked is None else asked
        return None if seconds > self.most_asked else seconds + growing * secrets.SystemRandom().random() / 2
