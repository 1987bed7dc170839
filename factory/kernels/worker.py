"""Compiles what is lacking of one unit and stores it, as a process of its own: ``python worker.py JOB.json``.

Being a process of its own, it finishes and stores the parts even when the factory that started it was
killed; the next run finds the unit claimed, waits, and takes them. Exit statuses: the compiler's own, 75
when another process compiles the same unit right now, or 74 when the disk is full. Imports little, so it
starts in some hundredths of a second.
"""

from __future__ import annotations

import os
import re
import struct
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.kernels import crosshost
from factory.kernels.job import Cross, Job, todo
from factory.kernels.reproducible import unit_flags
from factory.kernels.unit import HOST, STUB, Stage
from factory.matrix.arch import Arch, gencode
from factory.pool.record import Record
from factory.pool.store import Pool
from factory.system import disk, process
from factory.system.files import sha256_of
from factory.system.process import Usage

BUSY = 75
FULL = 74

# What nvcc --keep calls the results of a compile: the pass is named only where there are several.
_PTX = re.compile(r"(?:\.compute_(\w+))?\.ptx$")
_CODE = re.compile(r"\.sm_(\w+)\.cubin$")
# The host code's own source, which includes the stubs of the same name; other passes leave stubs that nothing reads.
_HOST_SOURCE = ".cudafe1.cpp"
# Of the header of a 64-bit ELF file: its magic, and where its program and section tables lie, how large their
# rows are and how many.
_ELF = struct.Struct("<4s28xQQ6xHHHH")
# Names of kernels in unnamed namespaces hold the unit's module id. Where a toolkit draws that anew each time after all,
# host code and machine code of two compiles would not find each other when the kernel is launched.
_DRAWN = re.compile(rb"\.entry \w*(?:_GLOBAL__N_|_INTERNAL_)")
# Takes the place of the GPU code in the host part: an assembled object has the real one, and one without is
# refused by the driver and by the audit.
_NO_GPU_CODE = bytes(8)


def main(path: str) -> int:
    """Make what the pool lacks of the job in the file ``path``; return the exit status."""
    job = Job.from_json(Path(path).read_text())
    try:
        return _make(job, Pool(Path(job.pool)))
    except OSError as error:
        if error.errno in disk.FULL:
            return FULL
        raise


def _make(job: Job, pool: Pool) -> int:
    with pool.claim(job.key) as mine:
        if not mine:
            return BUSY
        with pool.temporary(job.key) as directory:
            return _Worker(job, pool, directory).run()


@dataclass(frozen=True)
class _Worker:
    """A job, the pool its parts go to and a directory on the same disk to make them in."""

    job: Job
    pool: Pool
    directory: Path

    def run(self) -> int:
        """Run what is to be done; return the first status that is not 0, else 0."""
        left = todo(self.job.unit, lambda key: self.pool.get(key) is not None)
        if not self.job.nvcc and not left.host_alone:
            sys.stderr.write(f"{self.job.unit.source}: error: what another machine compiled was lost meanwhile\n")
            return 1
        status = self.compile(left.front_end) if left.front_end else 0
        for stage in left.from_ptx:
            for arch, key in stage.code:
                status = status or self.translate(stage, arch, key)
        if left.cross and self.job.cross:
            status = status or self.cross(self.job.cross)
        return status

    def compile(self, stages: Sequence[Stage]) -> int:
        """Run nvcc once for all of ``stages`` and store the host code, the PTX and the machine code apart."""
        output = self.directory / "unit.o"
        kept = self.directory / "kept"
        kept.mkdir()
        flags = [flag for stage in stages for flag in gencode(stage.virtual, [arch for arch, _ in stage.code])]
        source = self.job.unit.source
        words = (*flags, *unit_flags(source), "-c", source, "-o", str(output), "--keep", "--keep-dir", str(kept))
        used, wall = self.measure(*words)
        status = used.status or self.take_gpu_code_out(output, self.job.objcopy)
        made = {HOST: output, **dict(_made(kept, stages))}
        if disk.filled(self.directory) or (status == 0 and any(map(_cut_off, made.values()))):
            return FULL
        if status:
            return status
        if any(_DRAWN.search(path.read_bytes()) for path in made.values() if path.suffix == ".ptx"):
            sys.stderr.write(f"{self.job.unit.source}: error: a kernel in an unnamed namespace cannot be in parts\n")
            return 1
        stored = _Stored(self, len(stages), sum(len(stage.code) for stage in stages), used, wall)
        for stage in stages:
            for arch, key in stage.code:
                stored.put(key, f"sm_{arch.number}", made)
            stored.put(stage.ptx, f"compute_{stage.virtual.number}", made)
        stored.put(self.job.unit.stub, STUB, made)
        stored.put(self.job.key, HOST, made)
        return 0

    def translate(self, stage: Stage, arch: Arch, key: str) -> int:
        """Make machine code of PTX that is in the pool."""
        found = self.pool.get(stage.ptx)
        if found is None:
            sys.stderr.write(f"{self.job.unit.source}: error: its PTX was lost meanwhile\n")
            return 1
        source, output = self.directory / "unit.ptx", self.directory / "unit.cubin"
        source.write_bytes(found[1].read_bytes())
        only = f"arch=compute_{stage.virtual.number},code=sm_{arch.number}"
        used, wall = self.measure("-gencode", only, "-cubin", str(source), "-o", str(output))
        if disk.filled(self.directory) or (used.status == 0 and _cut_off(output)):
            return FULL
        if used.status == 0:
            name = f"sm_{arch.number}"
            _Stored(self, 0, 1, used, wall).put(key, name, {name: output})
        return used.status

    def cross(self, cross: Cross) -> int:
        """Make the host code for another machine out of the stubs that are in the pool."""
        unit = self.job.unit
        found = self.pool.get(unit.stub)
        if found is None:
            sys.stderr.write(f"{unit.source}: error: its launch stubs were lost meanwhile\n")
            return 1
        output = self.directory / "cross.o"
        flags = [flag for stage in unit.stages for flag in gencode(stage.virtual, [arch for arch, _ in stage.code])]
        words = (*cross.nvcc, *flags, *unit_flags(unit.source), "-c", unit.source, "-o", str(output))
        bench = crosshost.Bench(directory=self.directory / "cross", cwd=self.job.cwd, env=self.environment)
        began = time.monotonic()
        used = crosshost.compile_host(words, fatbinary=cross.fatbinary, stub=found[1], bench=bench)
        wall = time.monotonic() - began
        status = used.status or self.take_gpu_code_out(output, cross.objcopy)
        if disk.filled(self.directory) or (status == 0 and _cut_off(output)):
            return FULL
        if status == 0:
            _Stored(self, 0, 0, used, wall).put(unit.host, HOST, {HOST: output})
        return status

    def take_gpu_code_out(self, unit: Path, objcopy: str) -> int:
        """Leave only the host code in the object ``unit``."""
        nothing = self.directory / "nothing"
        nothing.write_bytes(_NO_GPU_CODE)
        command = [objcopy, "--update-section", f".nv_fatbin={nothing}", str(unit)]
        return process.measure(command, cwd=self.job.cwd, env=os.environ).status

    @property
    def environment(self) -> Mapping[str, str]:
        """What a compiler is run in: what it leaves for a while, it leaves beside the pool."""
        return {**os.environ, "TMPDIR": str(self.directory)}

    def measure(self, *words: str) -> tuple[Usage, float]:
        """Run nvcc with ``words`` after its flags, and say so; return what it used and the wall seconds."""
        began = time.monotonic()
        command = [*self.job.nvcc, *words]
        sys.stderr.write(process.shown(command))
        used = process.measure(command, cwd=self.job.cwd, env=self.environment)
        return used, time.monotonic() - began


@dataclass(frozen=True)
class _Stored:
    """Stores what one compile made, with what it took."""

    worker: _Worker
    passes: int
    targets: int
    used: Usage
    wall_seconds: float

    def put(self, key: str, part: str, made: dict[str, Path]) -> None:
        record = Record(
            source=self.worker.job.unit.source,
            part=part,
            profile=self.worker.job.profile,
            passes=self.passes,
            targets=self.targets,
            sha256=sha256_of(made[part]),
            size=made[part].stat().st_size,
            cpu_seconds=round(self.used.cpu_seconds, 3),
            wall_seconds=round(self.wall_seconds, 3),
            peak_bytes=self.used.peak_bytes,
        )
        self.worker.pool.put(key, made[part], record)


def _made(kept: Path, stages: Sequence[Stage]) -> Iterator[tuple[str, Path]]:
    """Name the results of a compile in the directory ``kept``: ``compute_80``, ``sm_90``."""
    for path in kept.iterdir():
        if match := _CODE.search(path.name):
            yield f"sm_{match[1]}", path
        elif match := _PTX.search(path.name):
            yield f"compute_{match[1] or stages[0].virtual.number}", path
        elif path.name.endswith(_HOST_SOURCE):
            yield STUB, path.with_suffix(".stub.c")


def _cut_off(path: Path) -> bool:
    """Return whether the ELF file ``path`` ends before its own tables do, which ptxas writes last; PTX is no ELF."""
    with path.open("rb") as file:
        header = file.read(_ELF.size).ljust(_ELF.size, b"\0")
    if not header.startswith(b"\x7fELF"):
        return path.suffix == ".cubin"
    _, programs, sections, program_size, program_count, section_size, section_count = _ELF.unpack(header)
    end = max(programs + program_size * program_count, sections + section_size * section_count)
    return bool(path.stat().st_size < end)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
