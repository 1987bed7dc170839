"""CPU seconds of upstream's way and of the factory's, in one run on one machine: ``nox -s bench``.

Whole cells are of the smoke profile: flash-attn 2.7.4.post1, CUDA 12.4, architectures 8.0 and 9.0. The full
profile is measured on a sample of units and marked as such. Every step is measured once and kept, so a run
that was stopped goes on where it was; the directory it names is removed to measure anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench import picture, ratio, upstream
from bench.ratio import Row
from bench.step import Command, Measured, measure
from factory.build import host, setup
from factory.build.setup import CellWanted
from factory.data import DATA
from factory.environment import environment
from factory.environment.environment import Environment
from factory.errors import FactoryError
from factory.matrix import cells, selector
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Matrix
from factory.output.log import Log
from factory.session import Session
from factory.system import machine
from factory.system.cache import cache_root

HERE = Path(__file__).parent
CELL = ("cu124", "torch2.6", "cp310")
PYTHON = ("cu124", "torch2.6", "cp311")
TORCH = ("cu124", "torch2.5", "cp310")
MINOR = ("cu126", "torch2.7", "cp310", "fa2.7.4.post1")
CLASS = ("cu128", "torch2.10", "cp310", "fa2.7.4.post1")
TEN = ("cu124", "torch2.5", "torch2.6")
HOST = ("--backend", "host", "--no-remote-pool")  # upstream's way is measured there, and compiling
SMOKE = ("--profile", "smoke")
SAMPLE = (*SMOKE, "--shard", "1/28")  # three of the 84 units
SAMPLES = (("one architecture", "one", "8.0"), ("two at once", "two", "8.0,9.0"), ("second later", "one", "8.0,9.0"))
FULL = "full sample"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The matrix, a session, and the directory the bench keeps things in."""

    matrix: Matrix
    session: Session
    root: Path

    @property
    def results(self) -> Path:
        """Where what was measured is kept."""
        return self.root / "results.json"

    def factory(self, cache: str, *words: str, cold: bool = False) -> Callable[[], Command]:
        """Return what makes a call of the factory, with the pool that earlier steps of the same ``cache`` left.

        A ``cold`` one starts empty, whatever an interrupted run left there.
        """
        home = self.root / cache
        home.mkdir(exist_ok=True)
        for shared in ("toolkits", "environments", "pythons", "downloads", "sdists", "sources"):
            (self.session.cache / shared).mkdir(exist_ok=True)
            if not (home / shared).is_symlink():
                (home / shared).symlink_to(self.session.cache / shared)
        argv = (sys.executable, "-m", "factory", *words)
        env = {**self.session.env, "FACTORY_CACHE": str(home)}

        def prepare() -> Command:
            if cold:
                shutil.rmtree(home / "pool", ignore_errors=True)
            return Command(argv=argv, cwd=HERE.parent, env=env)

        return prepare

    def found(self) -> dict[str, Measured]:
        """Return what was measured so far, by step."""
        kept = json.loads(self.results.read_text()) if self.results.is_file() else {}
        return {name: Measured(**taken) for name, taken in kept.items()}

    def step(self, name: str, prepare: Callable[[], Command]) -> Measured:
        """Return what a step takes: measured now, or by an earlier run. Raises what ``measure`` raises."""
        return measure(name, prepare, self.results, self.session.log.say)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all steps, print the ratios, write the results and the picture; return the exit status.

    Raises MatrixError and UsageError as the factory does, and SystemExit (argparse's) for ``--help`` or any argument.
    """
    argparse.ArgumentParser(prog="nox -s bench --", description=__doc__).parse_args(argv)
    env = dict(os.environ)
    matrix = load_matrix(Path("matrix.yaml").read_bytes())
    log = Log(Console(width=120))
    session = Session(cache=cache_root(env), env=env, log=log, limits=machine.limits(env, max_jobs=matrix.max_jobs))
    root = session.cache / "bench"
    root.mkdir(parents=True, exist_ok=True)
    log.say(f"what is measured is kept in {root}; remove it to measure anew")
    bench = Bench(matrix=matrix, session=session, root=root)
    try:
        for _ in _measure(bench):
            _write(bench)
    except FactoryError as error:
        log.say(str(error))
        return error.status
    for row in _write(bench):
        log.say(row.line())
    return 0


def _write(bench: Bench) -> tuple[Row, ...]:
    """Write what was measured so far, and the picture of it; return the ratios."""
    found = bench.found()
    rows = ratio.rows(found)
    if FULL in found:
        rows = (*rows, ratio.full_sample(json.loads(_proof().read_text())))
    document = {
        "machine": _machine(bench.session),
        "steps": {name: asdict(taken) for name, taken in found.items()},
        "ratios": [asdict(row) for row in rows],
    }
    (HERE / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    picture.draw(rows, found, HERE / "results.svg")
    return rows


def _measure(bench: Bench) -> Iterator[Measured]:
    """Run every step in turn; torch is installed first and not counted."""
    cell, environment = _prepare(CELL, bench)[0]
    for tokens in (PYTHON, TORCH, MINOR, CLASS, TEN):
        _prepare(tokens, bench)
    work = bench.root / "upstream"
    yield bench.step("upstream", lambda: upstream.command(cell, environment, bench.matrix, bench.session, work))
    dist = ("--dist", str(bench.root / "dist"))
    # CUDA 12.8 has architectures of its own by default, which 12.4 cannot make: another kernel set.
    steps = {"cold": CELL, "python": PYTHON, "torch": TORCH, "minor": MINOR, "class": (*CLASS, "--archs", "8.0,9.0")}
    for name, words in {**steps, "ten": TEN}.items():
        yield bench.step(name, bench.factory("pool", "build", *words, *SMOKE, *dist, *HOST, cold=name == "cold"))
    for name, cache, archs in SAMPLES:
        words = ("kernels", *CELL, *SAMPLE, "--archs", archs)
        yield bench.step(name, bench.factory(cache, *words, cold=name != "second later"))
    yield bench.step(FULL, bench.factory("pool", "prove", *CELL))


def _proof() -> Path:
    """Return the proof that the last step has just written: both ways of a sample of the full profile."""
    (path,) = (DATA / "proofs").glob("2.7.4.post1-cuda12.4.*-sm80.90-full-torch2.6.*.json")
    return path


def _prepare(tokens: tuple[str, ...], bench: Bench) -> list[tuple[CellWanted, Environment]]:
    installer = environment.installer(bench.session)
    planned = cells.expand(bench.matrix, profile="smoke", archs=None)
    rows = selector.select(planned, selector.parse(tokens, bench.matrix))
    made = [setup.wanted(row.cell, bench.matrix) for row in rows]
    return [(wanted, host.prepare(wanted, installer)) for wanted in made]


def _machine(session: Session) -> dict[str, object]:
    model = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "processor": model[0] if model else platform.machine(),
        "jobs": session.limits.jobs,
        "memory_budget_bytes": session.limits.budget,
        "date": datetime.now(UTC).date().isoformat(),
    }


if __name__ == "__main__":
    sys.exit(main())
