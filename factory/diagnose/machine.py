"""Why a build failed: its log, the rules that travel with the program, and this machine as it is now."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache as once
from pathlib import Path

from factory.data import DATA
from factory.diagnose import logfile
from factory.diagnose.judge import Diagnosis, Here, judge, tokens
from factory.diagnose.reading import read
from factory.diagnose.rules import Rules, read_rules
from factory.system import disk, machine

DISK = "disk"
"""The cause that is a full disk."""

MEMORY = "memory"
"""The cause that is a lack of memory."""

Settle = Callable[[Sequence[str]], str | None]
"""Makes a selector of what a log says of its cell, None where there is no such cell."""


def of_build(log: Path, *, cache: Path, cell: str, peak: int) -> Diagnosis:
    """Return why the build of ``cell`` (a selector), which wrote ``log``, failed; its compiles take ``peak`` bytes.

    Raises UsageError where the log cannot be read.
    """
    return of_blocks(logfile.blocks(log), settle=lambda _: cell, cache=cache, peak=peak)


def of_unit(log: Path, *, cache: Path, peak: int, alone: bool) -> Diagnosis:
    """Return why a single compile, which takes ``peak`` bytes, failed.

    ``alone`` says that no other ran beside it. Raises UsageError where ``log`` cannot be read.
    """
    here = replace(_here(cache, None, peak), alone=alone)
    return judge(read(logfile.blocks(log), rules()), rules(), here)


def of_blocks(log: Iterable[bytes], *, settle: Settle, cache: Path, peak: int) -> Diagnosis:
    """Return why the build failed whose ``log`` comes in blocks, and whose compiles take ``peak`` bytes.

    Raises what ``log`` and ``settle`` raise.
    """
    reading = read(log, rules())
    return judge(reading, rules(), _here(cache, settle(tokens(reading.told)), peak))


@once
def rules() -> Rules:
    """Return the rules that travel with the program, in ``factory/data/diagnoses.toml``."""
    return read_rules(tomllib.loads((DATA / "diagnoses.toml").read_text(encoding="utf-8")))


def _here(cache: Path, cell: str | None, peak: int) -> Here:
    now = machine.read()
    return Here(
        cores=now.cores,
        memory=now.memory,
        free=now.free,
        disk=shutil.disk_usage(disk.nearest(cache)).free,
        peak=peak,
        cache=str(cache),
        cell=cell,
    )
