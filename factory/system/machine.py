"""This machine: cores, memory, and the limits a container or a cgroup sets on them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil

# cgroup v2, then v1: the limit, what is used of it, and the name in memory.stat of the part of that which
# the kernel gives back when asked (cached files; a build reads and writes many).
_CGROUP_MEMORY = (
    ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
# cgroup v2's limit of swap alone; v1's of memory and swap together.
_CGROUP_SWAP = "sys/fs/cgroup/memory.swap.max"
_CGROUP_BOTH = "sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"
# cgroup v2, then v1: the files that together hold a quota of CPU time and the period it is for.
_CGROUP_CPU = (
    ("sys/fs/cgroup/cpu.max",),
    ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)

_MAX_JOBS_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Cores this process may use, and bytes of memory: all of it, what is free now, and the swap there is in all."""

    cores: int
    memory: int
    free: int
    swap: int


def read(root: Path = Path("/")) -> Machine:
    """Return the machine as it is now, seen through the file system at ``root``.

    Limits of a cgroup (v1 or v2, as the Linux kernel's documentation has them) count, unless they exceed the
    hardware.
    """
    memory = psutil.virtual_memory()
    total, free = int(memory.total), int(memory.available)
    for group, limit_file, usage_file, given_back in _CGROUP_MEMORY:
        limit = _number(_words(root / group / limit_file))
        if limit is not None and limit < total:
            stat = _words(root / group / "memory.stat")
            cached = dict(zip(stat[::2], stat[1::2], strict=False)).get(given_back, "0")
            used = (_number(_words(root / group / usage_file)) or 0) - int(cached)
            total, free = limit, min(free, max(0, limit - used))
    cores = min(len(os.sched_getaffinity(0)), *_quotas(root))
    return Machine(cores=cores, memory=total, free=free, swap=_swap(root, total))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """At most ``jobs`` compiles at once, their expected peaks within ``budget`` bytes."""

    jobs: int
    budget: int


# Kept free for everything else on the machine, so that a build never makes it swap.
_RESERVE = 1_500_000_000


def limits(env: Mapping[str, str], *, max_jobs: int, memory: int | None = None) -> Limits:
    """Return how much may run at once on this machine.

    ``MAX_JOBS`` of ``env`` (the guide's variable) or the cores, never more than the matrix's ``max_jobs``.
    The memory budget is ``memory`` bytes if given, else what is free now less a reserve.
    """
    here = read()
    jobs = parse_max_jobs(env.get("MAX_JOBS", "")) or here.cores
    return Limits(jobs=min(jobs, max_jobs), budget=memory or max(here.free - _RESERVE, _RESERVE))


def glibc() -> str:
    """Return the version of this system's glibc, ``2.36``; nothing where its C library is another."""
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc ")
    except (OSError, ValueError):  # what Python says of a name that musl has not
        return ""


def parse_max_jobs(text: str) -> int | None:
    """Return the number in the variable MAX_JOBS, by which the installation guide and torch cap parallel compiles.

    None for what torch's extension builder would ignore, and for what no machine has.
    """
    known = text.isascii() and text.isdigit() and len(text) <= _MAX_JOBS_DIGITS
    return int(text) or None if known else None


def _swap(root: Path, memory: int) -> int:
    """Return the bytes of swap beside ``memory``, as the hardware and a cgroup allow it."""
    words = _words(root / "proc/meminfo")
    sizes = dict(pairwise(words))
    there = int(sizes.get("SwapTotal:", "0")) * 1024  # kibibytes, though it says kB
    alone, both = _number(_words(root / _CGROUP_SWAP)), _number(_words(root / _CGROUP_BOTH))
    allowed = there if both is None else max(0, both - memory)
    return min(there, allowed, there if alone is None else alone)


def _quotas(root: Path) -> Iterator[int]:
    """Return each limit on CPU time as the whole cores it is worth, one at least."""
    yield os.cpu_count() or 1
    for files in _CGROUP_CPU:
        match [word for file in files for word in _words(root / file)]:
            case [quota, period] if quota.isdigit() and period.isdigit():
                yield max(1, int(quota) // int(period))


def _number(words: list[str]) -> int | None:
    return int(words[0]) if words and words[0].isdigit() else None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
