"""What comes of asking for a file, of whoever has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from factory.system.retry import Pace


class RefusedError(Exception):
    """An answer that trying again does not change; ``status`` is None where the host gave none."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``status`` is HTTP's. ``length`` is in bytes, None where nobody said it.

    ``pieces`` are read once. They raise TroubleError where they end too early, TooSlowError where they take too long.
    """

    status: int
    length: int | None
    pieces: Callable[[Pace], Iterator[bytes]]
