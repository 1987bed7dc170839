"""The variable MAX_JOBS, by which the installation guide and torch cap parallel compiles."""

from __future__ import annotations

_DIGITS = 6


def parse(text: str) -> int | None:
    """Read it; None for what torch's extension builder would ignore, and for what no machine has."""
    known = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return int(text) or None if known else None
