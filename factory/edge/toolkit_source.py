"""What every source of toolkit packages is given and does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from factory.core.toolkit_pins import Package


@dataclass(frozen=True, kw_only=True)
class Errand:
    """Where a source puts things: downloads are kept until the toolkit stands, trees go below ``trees``."""

    env: Mapping[str, str]
    downloads: Path
    trees: Path
    say: Callable[[str], None]


class Source(Protocol):
    """Fetches packages of one kind and unpacks them."""

    def __call__(self, packages: Sequence[Package], errand: Errand) -> Mapping[str, Path]:
        """Give each package's unpacked tree, by the package's name.

        Raises FactoryError where that is not possible here.
        """


def megabytes(size: int) -> str:
    """``87 MB``: bytes in millions."""
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e6:.1f} MB"  # noqa: PLR2004 - the unit itself
