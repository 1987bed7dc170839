"""This machine's own cell: the newest wheel that its driver, its torch and its Pythons fit, small, for its GPU."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from bench import upstream
from factory.build import host, setup
from factory.data import DATA
from factory.doctor import look
from factory.doctor.choose import newest_fitting
from factory.doctor.look import Surroundings
from factory.doctor.target import spelt
from factory.environment import environment
from factory.gpu_test import coverage
from factory.gpu_test.verdict import Verdict
from factory.gpu_test.verdictfile import verdict_path
from factory.kernels import kernels, prepared
from factory.kernels.kernels import CompiledSet, Origins
from factory.kernels.prepared import PreparedSet
from factory.kernels.unit import Unit, units
from factory.matrix import cells
from factory.matrix.arch import Arch, front_ends
from factory.matrix.kernelset import need_of
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Cell, Matrix, State
from factory.output.log import Log
from factory.session import Session
from factory.system import gpu, machine
from factory.system.cache import cache_root, writable
from factory.toolkit.find import World
from factory.wheel.fatbin import images

ROOT = Path(__file__).parents[2]
PTX = Arch.parse("8.0+PTX")  # what every GPU that flash-attn supports can also run, if not by choice
FORGED = (64, 128)


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A session on this machine, the cell, and the capability of the GPU."""

    matrix: Matrix
    session: Session
    cell: Cell
    gpu: Arch

    @property
    def runnable(self) -> set[str]:
        """The GPU code of the wheel that the GPU can run."""
        return {str(image) for image in images(self.cell.archs) if coverage.runs(image, self.gpu)}

    def build(self, dist: Path) -> Path:
        """Build the wheel as a person does."""
        words = spelt(self.cell, self.matrix).split()
        assert factory("build", *words, "--backend", "host", "--no-remote-pool", "--dist", dist) == 0
        return next(dist.glob("*.whl"))

    def build_upstreams_way(self, dist: Path) -> Path:
        """Build it with upstream's own setup.py and nothing of the factory's in between, for this GPU alone."""
        work = dist / "work"
        wanted = setup.wanted(replace(self.cell, archs=(self.gpu,)), self.matrix)
        made = host.prepare(wanted, environment.installer(self.session))
        command = upstream.command(wanted, made, self.matrix, self.session, work)
        subprocess.run(command.argv, cwd=command.cwd, env=command.env, check=True)
        (built,) = (work / "wheelhouse").glob("*.whl")
        kept = built.rename(dist / built.name)
        shutil.rmtree(work)
        return kept

    def build_for_another_state(self, dist: Path) -> Path:
        """Build it with kernels of two head sizes compiled for another random-number state, under the right names."""
        wanted = prepared.set_wanted(need_of(self.cell, self.matrix), self.matrix)
        right = prepared.prepare(wanted, self.session)
        wrong = _for_a_narrow_state(right, dist / "standin")
        mixed = tuple(
            theirs if _is_forged(ours) else ours for ours, theirs in zip(right.units, wrong.units, strict=True)
        )
        for ready in (right, wrong):
            kernels.compile_missing([unit for unit in mixed if unit in ready.units], ready, self.session)
        nowhere = Origins(mine=(), pooled=frozenset(), fetched=frozenset(), left=0, seconds=0)
        made = CompiledSet(ready=replace(right, units=mixed), compiled=0, origins=nowhere)
        cell = setup.wanted(self.cell, self.matrix)
        return host.build(cell, made, installer=environment.installer(self.session), session=self.session, dist=dist)


def open_lab() -> Lab:
    """Look at this machine. Raises GpuError where it has no GPU."""
    env = dict(os.environ)
    matrix = load_matrix((ROOT / "matrix.yaml").read_bytes())
    here = Arch.parse(gpu.find(env)[0].capability)
    archs = (PTX,) if PTX.real == here else (PTX, here)
    facts = look.look(Surroundings(env=env, dist=ROOT / "dist", world=World()), matrix)
    rows = cells.expand(matrix, profile="smoke", archs=archs)
    limits = machine.limits(env, max_jobs=matrix.max_jobs)
    return Lab(
        matrix=matrix,
        session=Session(cache=writable(cache_root(env)), env=env, log=Log(Console(width=160)), limits=limits),
        cell=newest_fitting([row.cell for row in rows if row.state is State.BUILD], facts, matrix),
        gpu=here,
    )


def factory(*words: str | Path) -> int:
    """Call the factory as a person does; give the exit status."""
    return subprocess.run([sys.executable, "-m", "factory", *map(str, words)], cwd=ROOT, check=False).returncode


def tried(wheel: Path, *options: str | Path) -> tuple[int, Verdict]:
    """Try a wheel; give the exit status and the verdict."""
    status = factory("gpu_test", wheel, *options)
    return status, Verdict.from_json(verdict_path(wheel).read_text(encoding="utf-8"))


def _for_a_narrow_state(ready: PreparedSet, standin: Path) -> PreparedSet:
    """Return the set as it is compiled with a state of 24 bytes, that of torch up to 2.9, instead of our 32."""
    shutil.copytree(DATA / "standin", standin)
    header = standin / "factory" / "philox.h"
    right = header.read_text()
    header.write_text(right.replace("uint64_t offset_intragraph_", "uint32_t offset_intragraph_"))
    assert header.read_text() != right
    inputs = replace(ready.inputs, headers="narrow")
    passes = front_ends(ready.wanted.archs, ready.wanted.toolkit.front_end)
    nvcc = tuple(word.replace(f"-I{DATA / 'standin'}", f"-I{standin}") for word in ready.nvcc)
    return replace(ready, inputs=inputs, units=units(ready.extension, inputs, passes), nvcc=nvcc)


def _is_forged(unit: Unit) -> bool:
    return unit.head_size in FORGED and unit.kind != "bwd"
