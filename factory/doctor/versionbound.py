"""Versions that are asked for, and whether one that is here meets that."""

from __future__ import annotations

from dataclasses import dataclass

from factory.doctor.result import State
from factory.versions import numbers


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Either one series, or at least ``minimum`` (empty for none) and better ``wanted``."""

    wanted: str
    minimum: str | None = None

    def judge(self, version: str) -> State:
        """Return how ``version`` meets it; what is behind its numbers (``a0``, ``+cu124``) does not count."""
        here = numbers(version)
        if self.minimum is None:
            exact = numbers(self.wanted)
            return State.OK if here[: len(exact)] == exact else State.PROBLEM
        if here < numbers(self.minimum):
            return State.PROBLEM
        return State.OK if here >= numbers(self.wanted) else State.WARNING

    def __str__(self) -> str:
        """Return what is asked for, in words."""
        if self.minimum is None:
            return self.wanted
        recommended = f"{self.wanted} or newer recommended"
        return f"{self.minimum} or newer, {recommended}" if self.minimum else recommended


def series(version: str) -> str:
    """Return ``2.6`` of ``2.6.0+cu124``, as far as it goes."""
    return ".".join(map(str, numbers(version)[:2]))
