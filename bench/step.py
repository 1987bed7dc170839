"""One thing that is measured: a command, run to its end, and the CPU seconds of all it started."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from factory.errors import FactoryError
from factory.system import process


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command, the directory it runs in and its whole environment."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a command took: seconds of CPU, of all its processes, and of wall time."""

    cpu_seconds: float
    wall_seconds: float


def measure(name: str, prepare: Callable[[], Command], results: Path, say: Callable[[str], None]) -> Measured:
    """Run the command of the step ``name``, unless ``results`` has it, and keep and return what it took.

    Raises FactoryError when the command fails.
    """
    kept = json.loads(results.read_text()) if results.is_file() else {}
    if name in kept:
        say(f"{name}: measured before, {kept[name]['cpu_seconds']:.0f} CPU seconds")
        return Measured(**kept[name])
    command = prepare()
    say(f"{name}: {' '.join(command.argv[-6:])}")
    began = time.monotonic()
    used = process.measure(command.argv, cwd=str(command.cwd), env=command.env)
    if used.status:
        raise FactoryError(f"the step {name} failed with status {used.status}", remedy="See its output above.")
    taken = Measured(cpu_seconds=round(used.cpu_seconds, 1), wall_seconds=round(time.monotonic() - began, 1))
    results.write_text(json.dumps(kept | {name: asdict(taken)}, indent=1) + "\n")
    say(f"{name}: {taken.cpu_seconds:.0f} CPU seconds, {taken.wall_seconds:.0f} s")
    return taken
