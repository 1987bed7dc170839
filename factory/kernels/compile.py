"""Runs compile jobs side by side: started as memory admits, shown while they run, ended together."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factory.diagnose import machine as diagnosing
from factory.errors import DiskFullError, KernelError, MemoryKillError
from factory.kernels.job import Job
from factory.kernels.schedule import Demand, Spent, admit, pace, remaining_seconds
from factory.kernels.worker import BUSY, FULL
from factory.output.log import Log, Meter
from factory.output.progress import Snapshot
from factory.system import disk, machine
from factory.system import process as shell
from factory.system.machine import Limits

_TICK = 0.1  # seconds between two looks at the running jobs
_BUSY_PAUSE = 2.0  # seconds before a unit that another process compiles is looked at again
_KILLED = 137
_KILL_SIGNS = ("signal 9", "Killed", "out of memory", "Cannot allocate memory")


@dataclass(frozen=True, kw_only=True)
class Floor:
    """Where and how compiles run: their limits, a directory for one log per unit, their environment."""

    limits: Limits
    logs: Path
    env: Mapping[str, str]
    log: Log


@dataclass(kw_only=True)
class _Run:
    """The state of one run over a set of jobs."""

    waiting: dict[str, Job]
    demand: Mapping[str, Demand]
    floor: Floor
    total: int
    began: float = field(default_factory=time.monotonic)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    until: float | None = None
    started: dict[str, float] = field(default_factory=dict)
    not_before: dict[str, float] = field(default_factory=dict)
    alone: set[str] = field(default_factory=set)
    ended: list[Spent] = field(default_factory=list)

    def log_of(self, job: Job) -> Path:
        return self.floor.logs / f"{Path(job.unit.source).stem}.log"

    def spent(self, key: str, *, ended: bool) -> Spent:
        taken = time.monotonic() - self.started[key]
        return Spent(expected=self.demand[key].seconds, taken=taken, ended=ended)

    def pace(self) -> float:
        return pace([*self.ended, *(self.spent(key, ended=False) for key in self.running)])


def compile_all(
    jobs: Sequence[Job], demand: Mapping[str, Demand], floor: Floor, *, until: float | None = None
) -> frozenset[str]:
    """Run every job to its end, or as many as there is time for; return the keys of those left. ``demand`` is by key.

    From the moment ``until`` of the monotonic clock, in seconds, on nothing runs any more, and before it no unit is
    started that is expected to outlast it, at the pace of the others if they are slower than expected. A unit killed
    for memory is tried once more with nothing beside it. Ctrl-C ends all compiles; what is finished stays in the pool.
    Raises KernelError, MemoryKillError or DiskFullError after the first failure.
    """
    floor.logs.mkdir(parents=True, exist_ok=True)
    run = _Run(waiting={job.key: job for job in jobs}, demand=demand, floor=floor, total=len(jobs), until=until)
    try:
        with floor.log.progress() as meter:
            _loop(run, meter)
    finally:
        for process in run.running.values():
            shell.end_group(process)
    return frozenset(run.waiting) | frozenset(run.running)


def _loop(run: _Run, meter: Meter) -> None:
    while (run.running or _fitting(run)) and not _late(run):
        _start(run)
        _reap(run)
        meter.show(_snapshot(run))
        time.sleep(_TICK)


def _late(run: _Run) -> bool:
    return run.until is not None and time.monotonic() >= run.until


def _fitting(run: _Run) -> list[str]:
    """Return the keys of the waiting units that there is time for.

    Units that end early may have been another process's work: they do not make the rest shorter.
    """
    left = math.inf if run.until is None else (run.until - time.monotonic()) / max(1.0, run.pace())
    return [key for key in run.waiting if run.demand[key].seconds <= left]


def _start(run: _Run) -> None:
    limits = run.floor.limits
    now = time.monotonic()
    ready = [key for key in _fitting(run) if run.not_before.get(key, 0.0) <= now]
    crowd = [key for key in ready if key not in run.alone]
    if run.alone & run.running.keys():
        return
    chosen = admit(crowd, list(run.running), run.demand, jobs=limits.jobs, budget=limits.budget)
    if not chosen and not run.running:
        chosen = tuple(ready[:1])
    for key in chosen:
        job = run.waiting.pop(key)
        run.jobs[key] = job
        run.started[key] = now
        description = run.floor.logs / f"{key}.json"
        description.write_text(job.to_json())
        run.running[key] = shell.start(
            [sys.executable, "-I", "-m", "factory.kernels.worker", description],
            cwd=Path(job.cwd),
            env=run.floor.env,
            output=run.log_of(job),
        )


def _reap(run: _Run) -> None:
    for key, process in list(run.running.items()):
        status = process.poll()
        if status is None:
            continue
        del run.running[key]
        (run.floor.logs / f"{key}.json").unlink(missing_ok=True)
        if status == 0:
            run.ended.append(run.spent(key, ended=True))
        elif status == BUSY:
            run.waiting[key] = run.jobs[key]
            run.not_before[key] = time.monotonic() + _BUSY_PAUSE
        else:
            _failed(run, run.jobs[key], status)


def _failed(run: _Run, job: Job, status: int) -> None:
    """Send a unit that was killed for memory back once, to run alone; raise for every other failure."""
    log = run.log_of(job)
    text = log.read_text(errors="replace")
    name = Path(job.unit.source).name
    if status == FULL or disk.named(text):
        raise DiskFullError(
            f"the disk is full: {name} could not be written",
            why=[f"the pool is in {job.pool}", f"whole log: {log}"],
            remedy="Free some space and run the same command again; finished units are kept.",
        )
    killed = status in {_KILLED, -9} or any(sign in text for sign in _KILL_SIGNS)
    if killed and job.key not in run.alone:
        run.floor.log.say(f"{name} was killed for memory; it is tried again alone")
        run.alone.add(job.key)
        run.waiting[job.key] = job
        return
    peak = run.demand[job.key].peak
    found = diagnosing.of_unit(log, cache=Path(job.pool).parent, peak=peak, alone=killed)
    why = [*found.why, f"whole log: {log}"]
    if killed:
        raise MemoryKillError(
            f"{name} was killed for memory, also when it ran alone",
            why=[f"expected peak {peak / 1e9:.1f} GB", *why],
            remedy=found.next if found.cause == diagnosing.MEMORY else "Add memory or swap; finished units are kept.",
        )
    again = "Finished units are kept; mend the cause and run the same command again."
    raise KernelError(f"{name} did not compile (status {status})", why=why, remedy=found.next if found.known else again)


def _snapshot(run: _Run) -> Snapshot:
    now, slower = machine.read(), run.pace()
    left = [slower * run.demand[key].seconds for key in run.waiting]
    begun = [run.spent(key, ended=False) for key in run.running]
    left += [slower * unit.expected - unit.taken for unit in begun]
    return Snapshot(
        done=len(run.ended),
        total=run.total,
        running=tuple(Path(run.jobs[key].unit.source).stem for key in run.running),
        elapsed=time.monotonic() - run.began,
        remaining=remaining_seconds(left, jobs=min(run.floor.limits.jobs, now.cores)),
        memory_used=now.memory - now.free,
        memory_total=now.memory,
    )
