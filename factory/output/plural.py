"""A number and what is counted, in right English."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return ``1 wheel`` and ``2 wheels``; ``noun`` is one that takes an s."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
