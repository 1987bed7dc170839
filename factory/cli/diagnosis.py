"""Calls the verb that reads logs: diagnose."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from factory.cli import context
from factory.diagnose import diagnose as diagnose_verb
from factory.diagnose import logfile
from factory.diagnose.cell import Settled, settled
from factory.diagnose.diagnose import Log
from factory.kernels import costs
from factory.matrix.checksymbol import spans
from factory.matrix.model import Matrix
from factory.output.console import Console
from factory.output.log import Log as Output
from factory.system.cache import cache_root

_STANDARD_INPUT = "-"


def diagnose(arguments: argparse.Namespace) -> int:
    """Print why a build failed; return the exit status.

    Raises UsageError where there is no log, and what ``context`` raises.
    """
    matrix = context.matrix(shipped=True)
    cache = cache_root(dict(os.environ))
    named = " ".join(arguments.selector)
    if named:
        context.select(arguments, matrix)
    diagnose_verb.diagnose(
        _log(arguments.file, cache),
        settle=lambda facts: _named(named, arguments.profile, matrix) if named else settled(facts, matrix),
        cache=cache,
        peak=costs.table().peak,
        say=Output(Console()).say,
    )
    return 0


def _log(file: str | None, cache: Path) -> Log:
    if file == _STANDARD_INPUT:
        return Log(name="standard input", blocks=logfile.pieces(sys.stdin.buffer))
    path = logfile.newest(cache) if file is None else Path(file)
    return Log(name=str(path), blocks=logfile.blocks(path))


def _named(cell: str, profile: str | None, matrix: Matrix) -> Settled:
    """Repeat what was typed of the cell."""
    return Settled(cell=f"{cell} --profile {profile}" if profile else cell, symbols=spans(matrix.torch))
