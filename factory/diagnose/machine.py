"""Why a build failed: its log, the rules that travel with the program, and this machine as it is now."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache as once
from pathlib import Path

from factory.data import DATA
from factory.diagnose import logfile
from factory.diagnose.cell import Settled
from factory.diagnose.facts import facts_of
from factory.diagnose.judge import Diagnosis, Resources, judge
from factory.diagnose.reading import read
from factory.diagnose.rules import Rules, read_rules
from factory.matrix.advice import Facts
from factory.system import disk, machine

DISK = "disk"
"""The cause that is a full disk."""

MEMORY = "memory"
"""The cause that is a lack of memory."""

Settle = Callable[[Facts], Settled]
"""Makes the cell to build of what a log proves of its environment."""


def of_build(log: Path, *, cache: Path, cell: str, peak: int) -> Diagnosis:
    """Return why the build of ``cell`` (a selector), which wrote ``log``, failed; its compiles take ``peak`` bytes.

    Raises UsageError where the log cannot be read.
    """
    return of_blocks(logfile.blocks(log), settle=lambda _: Settled(cell=cell), cache=cache, peak=peak)


def of_unit(log: Path, *, cache: Path, peak: int, alone: bool) -> Diagnosis:
    """Return why a single compile, which takes ``peak`` bytes, failed.

    ``alone`` says that no other ran beside it. Raises UsageError where ``log`` cannot be read.
    """
    here = replace(_here(cache, peak), alone=alone)
    return judge(read(logfile.blocks(log), rules()), rules(), here)


def of_blocks(log: Iterable[bytes], *, settle: Settle, cache: Path, peak: int) -> Diagnosis:
    """Return why the build failed whose ``log`` comes in blocks, and whose compiles take ``peak`` bytes.

    Raises what ``log`` and ``settle`` raise.
    """
    reading = read(log, rules())
    settled = settle(facts_of(reading.told))
    here = replace(_here(cache, peak), **vars(settled))
    return judge(reading, rules(), here)


@once
def rules() -> Rules:
    """Return the rules that travel with the program, in ``factory/data/diagnoses.toml`` and ``catalogues.toml``."""
    tables = ((DATA / name).read_text(encoding="utf-8") for name in ("diagnoses.toml", "catalogues.toml"))
    return read_rules(*map(tomllib.loads, tables))


def _here(cache: Path, peak: int) -> Resources:
    now = machine.read()
    return Resources(
        cores=now.cores,
        memory=now.memory,
        free=now.free,
        disk=shutil.disk_usage(disk.nearest(cache)).free,
        peak=peak,
        cache=str(cache),
        cell=None,
    )
