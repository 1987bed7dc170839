"""What compressed machine code costs when a process starts: ``python -m bench.startup PLAIN COMPRESSED``.

PLAIN and COMPRESSED are directories with one wheel each, unpacked, of the same cell: the first built without the
line ``compression`` in ``matrix.yaml``. Needs a GPU and a Python with torch, and nothing else. Fresh processes of
both take turns; all figures are medians, and what counts is how the two compare in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name("firstcall.py")
PROCESSES = 7


@dataclass(frozen=True, kw_only=True)
class Startup:
    """One process: milliseconds of it all, of importing flash_attn, of each kernel's first call and of later ones."""

    process: float
    imported: float
    first: Mapping[str, float]
    steady: Mapping[str, float]

    @classmethod
    def read(cls, line: str, *, process: float) -> Startup:
        """Return what ``firstcall`` printed of a process that took so many milliseconds.

        Raises KeyError and ValueError where that is not what it prints.
        """
        told: Mapping[str, Any] = json.loads(line)
        return cls(process=process, imported=told["import"], first=told["first"], steady=told["steady"])


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A figure of both wheels, in milliseconds."""

    what: str
    plain: float
    compressed: float

    def line(self) -> str:
        """Return it as a line, with the ratio and the difference."""
        ratio, more = self.compressed / self.plain, self.compressed - self.plain
        return (
            f"{self.what}: {self.plain:.3f} ms plain, {self.compressed:.3f} ms compressed: {ratio:.3f}, {more:+.3f} ms"
        )


def compared(plain: Sequence[Startup], compressed: Sequence[Startup]) -> tuple[Compared, ...]:
    """Return the medians over processes; of kernels, the mean over them and that which differs most."""

    def row(what: str, figures: tuple[float, float]) -> Compared:
        return Compared(what=what, plain=figures[0], compressed=figures[1])

    def both(figure: str) -> tuple[float, float]:
        medians = [statistics.median(getattr(one, figure) for one in runs) for runs in (plain, compressed)]
        return medians[0], medians[1]

    def kernels(figure: str) -> dict[str, tuple[float, float]]:
        ours, theirs = ([getattr(one, figure) for one in runs] for runs in (plain, compressed))
        return {
            name: (statistics.median(one[name] for one in ours), statistics.median(one[name] for one in theirs))
            for name in ours[0]
        }

    def mean(figures: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
        return statistics.mean(one for one, _ in figures.values()), statistics.mean(one for _, one in figures.values())

    first, steady = kernels("first"), kernels("steady")
    worst = max(first, key=lambda name: first[name][1] - first[name][0])
    return (
        row("process", both("process")),
        row("import flash_attn", both("imported")),
        row(f"first call, mean of {len(first)} kernels", mean(first)),
        row(f"first call, the worst: {worst}", first[worst]),
        row(f"later calls, mean of {len(steady)} kernels", mean(steady)),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the comparison as lines and everything as JSON, and return the exit status.

    Raises SystemExit (argparse's) for wrong arguments, CalledProcessError where a wheel cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("plain", type=_unpacked)
    parser.add_argument("compressed", type=_unpacked)
    parser.add_argument("--processes", type=int, default=PROCESSES, help="of each wheel (default: %(default)s)")
    arguments = parser.parse_args(argv)
    wheels = (arguments.plain, arguments.compressed)
    for wheel in wheels:
        _start(wheel)  # from then on the files are in memory
    plain, compressed = zip(*(_turn(*wheels, number) for number in range(arguments.processes)), strict=True)
    rows = compared(plain, compressed)
    for row in rows:
        sys.stdout.write(f"{row.line()}\n")
    measured = {"compared": rows, "plain": plain, "compressed": compressed}
    told = {name: [asdict(one) for one in some] for name, some in measured.items()}
    sys.stdout.write(f"{json.dumps(told)}\n")
    return 0


def _unpacked(text: str) -> Path:
    path = Path(text).resolve()
    if not (path / "flash_attn").is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no directory with an unpacked flash_attn wheel")
    return path


def _turn(plain: Path, compressed: Path, number: int) -> tuple[Startup, Startup]:
    """Start both, every other time in the other order: nobody always runs after the same one."""
    if number % 2:
        later, first = _start(compressed), _start(plain)
        return first, later
    return _start(plain), _start(compressed)


def _start(wheel: Path) -> Startup:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(CHILD)],
        env={**os.environ, "PYTHONPATH": str(wheel)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Startup.read(done.stdout.splitlines()[-1], process=(time.perf_counter() - began) * 1000)


if __name__ == "__main__":
    sys.exit(main())
