"""CPU of a compile whose bytes are the same everywhere, of one without: ``python -m bench.reproducible TOKEN ...``.

TOKEN selects cells of one kernel set, of the smoke profile. Its cheapest unit is compiled with the factory's flags and
without those that make its bytes the same; both take turns, every pair on a core of its own. What counts is how the
fastest of each compare: whatever else runs on the machine only ever adds to a compile's CPU time. Toolkit, compiler and
sdist are found or fetched as for a build; no GPU, no torch.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from bench.ratio import Row
from factory.errors import FactoryError, UsageError
from factory.kernels import costs, estimate, prepared
from factory.kernels.prepared import PreparedSet
from factory.kernels.reproducible import unit_flags
from factory.matrix import cells, kernelset, selector
from factory.matrix.arch import gencode
from factory.matrix.kernelset import KernelSetId
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Matrix
from factory.output.log import Log
from factory.session import Session
from factory.system import machine, process
from factory.system.cache import cache_root

PAIRS = 8
TARGET = 1.02
_MAP = '"-ffile-prefix-map='  # as path_flags quotes it, after an -Xcompiler


@dataclass(frozen=True, kw_only=True)
class Pair:
    """CPU seconds of one unit compiled twice, with and without the flags."""

    flagged: float
    plain: float


def plain(nvcc: Sequence[str]) -> tuple[str, ...]:
    """Return the command ``nvcc`` without what takes the places of this machine out of an object."""
    after = (*nvcc[1:], "")
    kept = zip(nvcc, after, strict=True)
    return tuple(word for word, later in kept if not word.startswith(_MAP) and not later.startswith(_MAP))


def row(pairs: Sequence[Pair]) -> Row:
    """Return the ratio of the fastest of each kind in ``pairs``."""
    ratio = min(pair.flagged for pair in pairs) / min(pair.plain for pair in pairs)
    return Row(what=f"the flags of same bytes, {len(pairs)} pairs", of="without", ratio=ratio, target=TARGET)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the ratio as a line and everything as JSON; return the exit status.

    Raises MatrixError for a broken matrix.yaml, SystemExit (argparse's) for wrong arguments.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.reproducible", description=__doc__)
    parser.add_argument("selector", metavar="TOKEN", nargs="+")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how many (default: %(default)s)")
    arguments = parser.parse_args(argv)
    env = dict(os.environ)
    matrix = load_matrix(Path("matrix.yaml").read_bytes())
    log = Log(Console(stderr=True, width=120))
    session = Session(cache=cache_root(env), env=env, log=log, limits=machine.limits(env, max_jobs=matrix.max_jobs))
    try:
        need = _need(arguments.selector, matrix)
        pairs = _measured(prepared.prepare(prepared.set_wanted(need, matrix), session), arguments.pairs, session)
    except FactoryError as error:
        log.say(str(error))
        return error.status
    sys.stdout.write(f"{row(pairs).line()}\n{json.dumps([asdict(pair) for pair in pairs])}\n")
    return 0


def _need(tokens: Sequence[str], matrix: Matrix) -> KernelSetId:
    planned = cells.expand(matrix, profile="smoke", archs=None)
    chosen = selector.select(planned, selector.parse(tokens, matrix))
    needs = {kernelset.need_of(row.cell, matrix) for row in chosen}
    if len(needs) != 1:
        raise UsageError(f"these cells have {len(needs)} kernel sets", remedy="Select cells of one.")
    return needs.pop()


def _measured(ready: PreparedSet, count: int, session: Session) -> list[Pair]:
    """Measure ``count`` pairs, as many at once as there are cores."""
    table, wanted = costs.table(), ready.wanted
    shape = estimate.shape_of(wanted.profile.name, wanted.archs, wanted.toolkit)
    unit = min(ready.units, key=lambda unit: table.guess(unit, shape).seconds)
    targets = [flag for stage in unit.stages for flag in gencode(stage.virtual, [arch for arch, _ in stage.code])]
    commands = (
        (*ready.nvcc, "-w", *targets, *unit_flags(unit.source), "-c", unit.source),
        (*plain(ready.nvcc), "-w", *targets, "-c", unit.source),
    )
    cores = sorted(os.sched_getaffinity(0))
    session.log.say(f"{unit.name}: {count} pairs, {min(count, len(cores))} at once")

    def pair(number: int) -> Pair:
        turn = commands if number % 2 == 0 else commands[::-1]
        first, second = (_seconds(command, ready.root, cores[number % len(cores)], session) for command in turn)
        return Pair(flagged=first, plain=second) if number % 2 == 0 else Pair(flagged=second, plain=first)

    _seconds(commands[0], ready.root, cores[0], session)  # from then on the files are in memory
    with ThreadPoolExecutor(len(cores)) as pool:
        return list(pool.map(pair, range(count)))


def _seconds(command: Sequence[str], root: Path, core: int, session: Session) -> float:
    """Return the CPU seconds of a compile on one core. Raises FactoryError where it fails."""
    with tempfile.TemporaryDirectory(dir=session.cache) as directory:
        words = ("taskset", "--cpu-list", str(core), *command, "-o", f"{directory}/unit.o")
        used = process.measure(words, cwd=str(root), env={**session.env, "TMPDIR": directory})
    if used.status:
        raise FactoryError(f"the compile failed with status {used.status}", remedy="See its output above.")
    return used.cpu_seconds


if __name__ == "__main__":
    sys.exit(main())
