"""What every source of toolkit packages is given and does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.toolkit.pins import Package


@dataclass(frozen=True, kw_only=True)
class Errand:
    """Where a source puts things: downloads are kept until the toolkit stands, trees go below ``trees``."""

    env: Mapping[str, str]
    downloads: Path
    trees: Path
    say: Callable[[str], None]


Source = Callable[[Sequence[Package], Errand], Mapping[str, Path]]
"""Fetches packages of one kind and gives each one's unpacked tree by its name; raises FactoryError where it cannot."""


def megabytes(size: int) -> str:
    """Return bytes in megabytes (10^6): ``87 MB``, and below one ``0.4 MB``."""
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e6:.1f} MB"  # noqa: PLR2004 - the unit itself
