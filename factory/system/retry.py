"""How long to go on asking a service that fails, how often, and how slow it may be."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


class TroubleError(Exception):
    """A request that may succeed later. ``wait`` are the seconds that the service asks for, None where it says nothing.

    ``unsure`` says that a change which was asked for may have been made, in part or whole.
    """

    def __init__(self, reason: str, *, wait: float | None = None, unsure: bool = True) -> None:
        super().__init__(reason)
        self.wait = wait
        self.unsure = unsure


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long to go on, in seconds, and how often without any success in between.

    What is carried, here or by somebody else, counts as given up after ``grace`` and the time that its bytes take
    at ``slowest`` bytes a second.
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
        """Return how long to wait after so many ``fruitless`` tries in a row: as the service has ``asked``, else longer
        each time, and never as long as another program does. None where it asks for too long.
        """
        growing = min(self.first * 2 ** (fruitless - 1), self.longest)
        seconds = growing if asked is None else asked
        return None if seconds > self.most_asked else seconds + growing * secrets.SystemRandom().random() / 2

    def persist(
        self,
        attempt: Callable[[], Result],
        *,
        say: Callable[[str], object] = lambda _: None,
        progress: Callable[[], int] = lambda: 0,
    ) -> Result:
        """Return what ``attempt`` gives; it is made again while it raises TroubleError, after a line and a pause.

        Where ``progress`` has grown the tries begin anew. Raises the last TroubleError when it was often enough.
        """
        fruitless = 0
        while True:
            before = progress()
            try:
                return attempt()
            except TroubleError as trouble:
                fruitless = 1 if progress() > before else fruitless + 1
                if fruitless > self.tries:
                    raise
                seconds = self.pause(trouble.wait, fruitless)
                if seconds is None:
                    minutes = (trouble.wait or 0.0) / 60
                    raise TroubleError(f"{trouble}; it asks us to wait {minutes:.0f} minutes") from trouble
                say(f"{trouble}; again in {seconds:.0f} s")
                self.sleep(seconds)


class Pace:
    """How fast what is being carried comes, held to a policy over all attempts together."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._since = policy.clock()
        self._gone = 0.0
        self._came = 0

    def start(self) -> None:
        """Begin to carry: what passed since the last byte was another wait."""
        self._since = self._policy.clock()

    def add(self, count: int) -> None:
        """Note that ``count`` bytes came. Raises TooSlowError where all of it came too slowly."""
        now = self._policy.clock()
        self._gone += now - self._since
        self._since = now
        self._came += count
        if self._gone > self._policy.grace + self._came / self._policy.slowest:
            raise TooSlowError(f"only {self._came} bytes came in {self._gone:.0f} seconds")


class TooSlowError(Exception):
    """What is being carried would take for ever; trying again would begin that again."""
