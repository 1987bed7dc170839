"""Compiles the host code of a unit alone, with the launch stubs of an earlier compile: no front end, no assembler.

Like the worker, it imports little.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.kernels import dryrun
from factory.system import process
from factory.system.process import Usage


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where commands run, ``cwd``, with the variables ``env``; ``directory`` is to be made and takes what they keep."""

    directory: Path
    cwd: str
    env: Mapping[str, str]


def compile_host(words: Sequence[str], *, fatbinary: str, stub: Path, bench: Bench) -> Usage:
    """Make the host code that the nvcc command ``words`` makes, with an empty fat binary; return what that used.

    ``stub`` are the unit's launch stubs. What is run is said as it is in a log; the first status that is not 0 ends it.
    Raises OSError where a program cannot be run or a file not be written.
    """
    bench.directory.mkdir()
    asked = [*words, "--dryrun", "--keep", "--keep-dir", str(bench.directory)]
    sys.stderr.write(process.shown(asked))
    dry = process.run(asked, cwd=Path(bench.cwd), env=bench.env)
    try:
        steps = dryrun.read(dry.stderr)
    except ValueError as error:
        sys.stderr.write(f"{dry.stderr}\n{words[0]}: error: {error}\n")
        return Usage(status=dry.status or 1, cpu_seconds=0.0, peak_bytes=0)
    shutil.copyfile(stub, bench.directory / steps.stub)
    empty = (fatbinary, f"--create={bench.directory / 'empty.fatbin'}", "-64", f"--embedded-fatbin={steps.fatbin}")
    used = Usage(status=0, cpu_seconds=0.0, peak_bytes=0)
    for command in (empty, *steps.commands):
        sys.stderr.write(process.shown(command))
        last = process.measure(command, cwd=bench.cwd, env={**bench.env, "PATH": steps.path})
        used = Usage(
            status=last.status,
            cpu_seconds=used.cpu_seconds + last.cpu_seconds,
            peak_bytes=max(used.peak_bytes, last.peak_bytes),
        )
        if last.status:
            break
    return used
