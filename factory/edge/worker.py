"""Compiles one unit and stores its object, as a process of its own: ``python worker.py JOB.json``.

Being a process of its own, it finishes and stores the object even when the factory that started it was
killed; the next run finds the unit locked, waits, and takes the object. Exit statuses: the compiler's own,
or 75 when another process compiles the same unit right now. Imports only the standard library and
three modules that do likewise, so it starts in a few hundredths of a second.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from factory.edge import shell
from factory.edge.digest import sha256_of
from factory.edge.pool import Pool, Record

BUSY = 75


@dataclass(frozen=True, kw_only=True)
class Job:
    """One unit to compile: ``argv`` lacks the output, which the worker chooses."""

    key: str
    source: str
    profile: str
    passes: int
    targets: int
    pool: str
    argv: tuple[str, ...]
    cwd: str

    def to_json(self) -> str:
        """Give the text ``python worker.py`` reads."""
        return json.dumps(asdict(self))


def main(path: str) -> int:
    """Compile the job in the file ``path`` unless its object is there; give the exit status."""
    job = Job(**json.loads(Path(path).read_text()))
    pool = Pool(Path(job.pool))
    with pool.claim(job.key) as mine:
        if not mine:
            return BUSY
        return 0 if pool.get(job.key) else _compile(job, pool)


def _compile(job: Job, pool: Pool) -> int:
    directory = pool.temporary()
    try:
        return _compile_in(directory, job, pool)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _compile_in(directory: Path, job: Job, pool: Pool) -> int:
    output = directory / "unit.o"
    began = time.monotonic()
    used = shell.measure([*job.argv, "-o", str(output)], cwd=job.cwd, env={**os.environ, "TMPDIR": str(directory)})
    if used.status:
        return used.status
    record = Record(
        source=job.source,
        profile=job.profile,
        passes=job.passes,
        targets=job.targets,
        sha256=sha256_of(output),
        size=output.stat().st_size,
        cpu_seconds=round(used.cpu_seconds, 3),
        wall_seconds=round(time.monotonic() - began, 3),
        peak_bytes=used.peak_bytes,
    )
    pool.put(job.key, output, record)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
