"""What the machines of the workflows are, and what may run on them at once."""

from __future__ import annotations

import tomllib

from factory.data import DATA
from factory.plan.workflow import Runner, read_runner
from factory.system.machine import _RESERVE, Limits


def runner() -> Runner:
    """Return what ``runner.toml`` says of the workflow's runners."""
    return read_runner(tomllib.loads((DATA / "runner.toml").read_text()))


def limits_of(machine_of: Runner, *, max_jobs: int) -> Limits:
    """Return how much may run at once on a machine that is not this one."""
    return Limits(jobs=min(machine_of.cores, max_jobs), budget=machine_of.memory - _RESERVE)
