"""This machine: cores, memory, and the limits a container or a cgroup sets on them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

_CGROUP_MEMORY = (
    # cgroup v2, then v1: the limit and what is used of it
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Cores this process may use, and bytes of memory: all of it, and what is free now."""

    cores: int
    memory: int
    free: int


def read(root: Path = Path("/")) -> Machine:
    """Look at the machine as it is now; limits of a cgroup count, unless they exceed the hardware."""
    memory = psutil.virtual_memory()
    total, free = int(memory.total), int(memory.available)
    for limit_file, usage_file in _CGROUP_MEMORY:
        limit = _number(root / limit_file.lstrip("/"))
        if limit is not None and limit < total:
            used = _number(root / usage_file.lstrip("/")) or 0
            total, free = limit, min(free, max(0, limit - used))
    return Machine(cores=len(os.sched_getaffinity(0)), memory=total, free=free)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
