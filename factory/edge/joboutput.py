"""What a step of a workflow hands to later jobs: lines ``NAME=VALUE``, added to the file GitHub names GITHUB_OUTPUT."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def add(path: Path, values: Mapping[str, str]) -> None:
    """Add ``values`` to the file, each on one line. Raises OSError."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
