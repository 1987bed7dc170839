"""What the wrappers need to know, as one JSON file."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "FACTORY_DRIVER_JOB"


def source_of(argv: list[str]) -> str:
    """Return the file a compile reads: what follows the last ``-c``, for torch writes it twice.

    Raises ValueError where there is no ``-c``.
    """
    return argv[len(argv) - argv[::-1].index("-c")]


@dataclass(frozen=True, kw_only=True)
class DriverJob:
    """One wheel's compilers.

    ``objects`` maps a source, relative to ``root``, to the path and the sha256 of its object.
    ``bridged`` is the source that is compiled after the header ``bridge``.
    ``nvcc_flags`` are those the objects were compiled with; upstream's must be the same. ``places`` are directories of
    this machine with those that take their place in what ``cxx`` is told, where the wheel is for another machine.
    """

    root: str
    nvcc: str
    cxx: str
    bridged: str
    bridge: str
    nvcc_flags: tuple[str, ...]
    cxx_flags: tuple[str, ...]
    objects: dict[str, tuple[str, str]]
    places: dict[str, str]

    def source(self, argv: list[str]) -> str:
        """Return the file that the compile ``argv`` reads, relative to ``root``. Raises ValueError without ``-c``."""
        return os.path.relpath(os.path.realpath(source_of(argv)), os.path.realpath(self.root))

    def write(self, path: Path) -> None:
        """Write the file ``load`` reads."""
        path.write_text(json.dumps(asdict(self)))


def load() -> DriverJob:
    """Return the job that the environment names.

    Raises KeyError where it names none, OSError, ValueError or TypeError where the file is no job.
    """
    return DriverJob(**json.loads(Path(os.environ[VARIABLE]).read_text()))
