"""The boundaries a verb works with, made once in ``__main__`` and handed down."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache as once
from functools import cached_property
from pathlib import Path

from factory.data import DATA
from factory.errors import MatrixError
from factory.kernels.compile import Limits
from factory.kernels.estimate import Measured, Shape
from factory.kernels.schedule import Demand
from factory.kernels.unit import KernelClass
from factory.matrix.arch import Arch, front_ends
from factory.matrix.model import Toolkit
from factory.output.log import Log
from factory.plan.workflow import Runner, read_runner
from factory.pool.store import Pool
from factory.system import machine, maxjobs

# Kept free for everything else on the machine, so that a build never makes it swap.
_RESERVE = 1_500_000_000


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """The cache, the caller's environment, the log and the limits of one run."""

    cache: Path
    env: Mapping[str, str]
    log: Log
    limits: Limits

    @cached_property
    def pool(self) -> Pool:
        """The pool of kernel objects in the cache."""
        return Pool(self.cache / "pool")

    @cached_property
    def measured(self) -> tuple[Measured, ...]:
        """What the pool's compiles took, each once, as it was known when first asked."""
        return tuple(
            {
                Measured(
                    source=record.source,
                    shape=Shape(profile=record.profile, passes=record.passes, targets=record.targets),
                    # CPU time, not wall: what else ran beside it is not the unit's.
                    demand=Demand(seconds=record.cpu_seconds, peak=record.peak_bytes),
                ): None
                for record in self.pool.records()
            }
        )


def limits(env: Mapping[str, str], *, max_jobs: int, memory: int | None = None) -> Limits:
    """Decide how much may run at once on this machine.

    ``MAX_JOBS`` of ``env`` (the guide's variable) or the cores, never more than the matrix's ``max_jobs``.
    The memory budget is ``memory`` bytes if given, else what is free now less a reserve.
    """
    here = machine.read()
    jobs = maxjobs.parse(env.get("MAX_JOBS", "")) or here.cores
    return Limits(jobs=min(jobs, max_jobs), budget=memory or max(here.free - _RESERVE, _RESERVE))


def runner() -> Runner:
    """Read what the workflow's runners are."""
    return read_runner(tomllib.loads((DATA / "runner.toml").read_text()))


def limits_of(machine_of: Runner, *, max_jobs: int) -> Limits:
    """Decide how much may run at once on a machine that is not this one."""
    return Limits(jobs=min(machine_of.cores, max_jobs), budget=machine_of.memory - _RESERVE)


def shape_of(profile: str, archs: Iterable[Arch], toolkit: Toolkit) -> Shape:
    """Give the shape of a unit that is compiled for ``archs`` from nothing."""
    return Shape.of(profile, front_ends(archs, toolkit.front_end))


def kernel_classes() -> Mapping[str, KernelClass]:
    """Read ``kernel_classes.toml``: every class by its name."""
    table = tomllib.loads((DATA / "kernel_classes.toml").read_text(encoding="utf-8"))
    return {
        name: KernelClass(name=name, macros=tuple(row["macros"]), check_symbol=row["check_symbol"])
        for name, row in table.items()
    }


def kernel_class(name: str) -> KernelClass:
    """Give one class of ``kernel_classes.toml``. Raises MatrixError if it is not there."""
    classes = kernel_classes()
    if name not in classes:
        raise MatrixError(f"kernel class {name!r} is unknown", why=[f"known: {', '.join(classes)}"])
    return classes[name]


@once
def standin_digest() -> str:
    """Hash the stand-in headers: names and contents."""
    digest = hashlib.sha256()
    for path in sorted((DATA / "standin").rglob("*.*h")):
        digest.update(f"{path.relative_to(DATA)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
