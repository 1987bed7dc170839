"""What starting a verb takes, beside an earlier commit: ``python -m bench.starting [COMMIT]``; some minutes.

Makes a clone of COMMIT and one of what is committed here, with nox as README installs it, and lets them take turns: the
first ``nox -s plan`` (packages from the index each time, flash-attn's source being here), the later ones, ``--help``
in the environment that the first made, and the disk that the environments of ten verbs take. What counts is how the
two compare in the same run. Figures are medians of wall seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.ratio import Row

BASE = "e59b3ae"
TARGETS = {"a later plan": 0.35, "the first plan": 0.4, "--help": 0.4, "disk of ten verbs": 0.2}
VERBS = ("plan", "kernels", "build", "doctor", "pool", "audit", "gpu_test", "download", "publish", "diagnose")
_GIT = "git"
# What may stand here and not where a newcomer is: who started this, and byte code that is not kept.
_OURS = ("UV", "VIRTUAL_ENV", "NOX", "PYTHON")
PLAN = ("-s", "plan", "--", "cu124", "torch2.6", "cp310")


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A clone with a nox, and the variables that its commands get."""

    root: Path
    nox: Path
    env: Mapping[str, str]

    def seconds(self, *argv: str | Path, env: Mapping[str, str] | None = None) -> float:
        """Return the wall seconds of a command there. Raises CalledProcessError where it fails."""
        began = time.perf_counter()
        subprocess.run(
            argv,
            cwd=self.root,
            env={**self.env, **(env or {})},
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        return time.perf_counter() - began

    def first(self) -> float:
        """Return the seconds of the first plan: no environment, and none of uv's or pip's caches."""
        shutil.rmtree(self.root / ".nox", ignore_errors=True)
        with tempfile.TemporaryDirectory() as kept:
            caches = {"UV_CACHE_DIR": f"{kept}/uv", "PIP_CACHE_DIR": f"{kept}/pip", "UV_LINK_MODE": "copy"}
            return self.seconds(self.nox, *PLAN, env=caches)

    def later(self) -> float:
        """Return the seconds of a plan after another."""
        return self.seconds(self.nox, *PLAN)

    def help(self) -> float:
        """Return the seconds of the factory's own help."""
        environment = next(path for name in ("factory", "plan") if (path := self.root / ".nox" / name).exists())
        return self.seconds(environment / "bin" / "python", "-m", "factory", "--help")

    def disk(self) -> float:
        """Return the bytes that the environments of ten verbs take, each file once."""
        for verb in VERBS:
            self.seconds(self.nox, "-s", verb, "--", "--help")
        files = (path.lstat() for path in (self.root / ".nox").rglob("*") if not path.is_dir())
        return float(sum({found.st_ino: found.st_blocks * 512 for found in files}.values()))


def compared(figures: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> tuple[Row, ...]:
    """Return the ratio of each figure, now to before, from what was measured of both, before first."""
    return tuple(
        Row(
            what=what,
            of=f"before ({_median(before)} to {_median(now)})",
            ratio=statistics.median(now) / statistics.median(before),
            target=TARGETS[what],
        )
        for what, (before, now) in figures.items()
    )


def _median(some: Sequence[float]) -> str:
    """Return a median of seconds, or of bytes, which are many."""
    found = statistics.median(some)
    return f"{found / 1e6:.0f} MB" if found > 1e5 else f"{found:.2f} s"  # noqa: PLR2004 - a day


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a line for each figure; return the exit status. Raises SystemExit (argparse's) for ``--help``."""
    parser = argparse.ArgumentParser(prog="python -m bench.starting", description=__doc__)
    parser.add_argument("commit", nargs="?", default=BASE, help=f"what to compare with (default: {BASE})")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is started (default: 5)")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as place:
        nox = _nox(Path(place))
        before, now = (_clone(Path(place), nox, commit) for commit in (arguments.commit, "HEAD"))
        for clone in (before, now):
            clone.first()  # fetches flash-attn's source, and writes byte code
        figures = {
            "the first plan": _turns(before.first, now.first, max(1, arguments.rounds // 2)),
            "a later plan": _turns(before.later, now.later, arguments.rounds),
            "--help": _turns(before.help, now.help, arguments.rounds),
            "disk of ten verbs": _turns(before.disk, now.disk, 1),
        }
    for row in compared(figures):
        sys.stdout.write(f"{row.line()}\n")
    return 0


def _turns(one: Callable[[], float], other: Callable[[], float], rounds: int) -> tuple[list[float], list[float]]:
    taken = [(one(), other()) for _ in range(rounds)]
    return [first for first, _ in taken], [second for _, second in taken]


def _nox(place: Path) -> Path:
    """Install nox as README does."""
    home = place / "cli"
    base = f"{sys.base_prefix}/bin/python3"
    subprocess.run([base, "-m", "venv", "--without-pip", home], check=True)
    subprocess.run([base, "-m", "pip", "--python", home, "install", "--quiet", "nox[uv]"], check=True)
    return home / "bin" / "nox"


def _clone(place: Path, nox: Path, commit: str) -> Clone:
    root = place / f"clone-{commit}"
    top = Path(__file__).resolve().parents[1]
    named = _git("rev-parse", commit, at=top).strip()
    _git("clone", "--quiet", "--shared", "--no-checkout", str(top), str(root), at=place)
    _git("-c", "advice.detachedHead=false", "checkout", "--quiet", named, at=root)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    cache = os.environ.get("FACTORY_CACHE", str(place / "cache"))
    return Clone(root=root, nox=nox, env={**kept, "FACTORY_CACHE": cache})


def _git(*words: str, at: Path) -> str:
    return subprocess.run([_GIT, *words], cwd=at, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
