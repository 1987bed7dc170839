"""What a wheel for another machine is compiled and linked with, beside what builds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Target:
    """Things of the ``machine`` that a wheel is for.

    ``torch`` is the package's directory, ``runtime`` that of CUDA's runtime, ``include`` a directory whose
    ``pythonX.Y`` holds Python's headers.
    """

    machine: str
    torch: Path
    runtime: Path
    include: Path
