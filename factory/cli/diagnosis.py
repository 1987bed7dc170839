"""Calls the verb that reads logs: diagnose."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from factory.cli import context
from factory.diagnose import diagnose as diagnose_verb
from factory.diagnose import logfile
from factory.diagnose.cell import Advice, advise
from factory.diagnose.diagnose import Log
from factory.kernels import costs
from factory.matrix.kernelclass import kernel_classes
from factory.matrix.model import Matrix
from factory.output.console import Console
from factory.output.log import Log as Output
from factory.system.cache import cache_root

_STANDARD_INPUT = "-"


def diagnose(arguments: argparse.Namespace) -> int:
    """Print why a build failed; return the exit status.

    Raises UsageError where there is no log, and what ``context`` raises.
    """
    matrix = context.matrix()
    cache = cache_root(dict(os.environ))
    named = " ".join(arguments.selector)
    if named:
        context.select(arguments, matrix)
    diagnose_verb.diagnose(
        _log(arguments.file, cache),
        settle=lambda facts: replace(
            Advice(cell=_options(named, arguments.profile)) if named else advise(facts, matrix),
            symbols=symbols_of(matrix),
        ),
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


def _options(named: str, profile: str | None) -> str:
    """Repeat what was typed of the cell."""
    return f"{named} --profile {profile}" if named and profile else named


def symbols_of(matrix: Matrix) -> dict[str, str]:
    """Map what kernels ask of torch to the torch releases that have it: ``2.4 to 2.9``."""
    spans = {}
    for name, kernels in kernel_classes().items():
        series = [torch.series for torch in matrix.torch.values() if torch.kernel_class == name]
        if series:
            spans[kernels.check_symbol] = f"{series[0]} to {series[-1]}"
    return spans
