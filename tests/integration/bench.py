"""A small sdist through the whole pipeline: a real CUDA toolkit, a real nvcc, the real torch.

Toolkit and torch are the ones the factory itself keeps in its cache, fetched there if need be; everything
else lies in a directory of the test's own.
"""

import gzip
import hashlib
import io
import os
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from factory.build import host, setup
from factory.build.setup import CellWanted
from factory.environment import interpreter
from factory.environment.environment import Installer
from factory.kernels.kernels import CompiledSet
from factory.kernels.prepared import KernelSetSpec
from factory.matrix.arch import Arch
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Cell, FlashAttn, Matrix
from factory.output.log import Log
from factory.session import Session
from factory.system import machine
from factory.system.cache import cache_root
from tests.frozen import MATRIX

ROOT = Path(__file__).parents[2]
SDIST = ROOT / "tests" / "data" / "sdist"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A session with the small sdist in its cache, and what to make of it."""

    session: Session
    output: io.StringIO
    matrix: Matrix
    kernels: KernelSetSpec
    installer: Installer

    def cell(self, python: str = f"3.{sys.version_info.minor}", torch: str = "2.6") -> CellWanted:
        cell = Cell(
            flash_attn="0.0.1",
            cuda="12.4",
            torch=torch,
            python=python,
            cxx11abi=False,
            profile="smoke",
            archs=self.kernels.archs,
            machine="x86_64",
        )
        return setup.wanted(cell, self.matrix)

    def build(self, kernels: CompiledSet, dist: Path, torch: str = "2.6") -> Path:
        return host.build(self.cell(torch=torch), kernels, installer=self.installer, session=self.session, dist=dist)

    def with_archs(self, *names: str) -> KernelSetSpec:
        return replace(self.kernels, archs=tuple(Arch.parse(name) for name in names))


def assembled(bench: Bench, ready: CompiledSet, directory: Path) -> dict[str, Path]:
    assembler = ready.assembler(bench.session, compression=None)
    return {unit.source: assembler.assemble(unit, directory) for unit in ready.ready.units}


Compiled = tuple[Bench, CompiledSet]
Made = tuple[Bench, CompiledSet, Path]


def make_bench(root: Path, changed: Mapping[str, str] | None = None) -> Bench:
    """Make one below ``root``; ``changed`` are texts of other files in the sdist, by their paths."""
    env = dict(os.environ)
    cache = _cache_beside(root / "cache", cache_root(env))
    matrix = load_matrix(MATRIX.read_text(encoding="utf-8"))
    release = FlashAttn(
        version="0.0.1",
        sha256=_pack(cache, changed or {}),
        torch=("2.6",),
        on_request=(),
        leave_out=("flash_attn/cute",),
    )
    output = io.StringIO()
    session = Session(
        cache=cache, env=env, log=Log(Console(file=output, width=200)), limits=machine.limits(env, max_jobs=2)
    )
    return Bench(
        session=session,
        output=output,
        matrix=replace(matrix, flash_attn={"0.0.1": release}),
        kernels=KernelSetSpec(
            flash_attn=release,
            toolkit=matrix.toolkits["12.4"],
            archs=(Arch.parse("8.0"), Arch.parse("9.0")),
            profile=matrix.profiles["smoke"],
            machine="x86_64",
        ),
        installer=Installer(
            cache=cache, env=env, interpreter=lambda version: interpreter.find(version, env), say=session.log.say
        ),
    )


def _cache_beside(cache: Path, shared: Path) -> Path:
    """Make a cache that shares only what is large and never changes: toolkits and environments."""
    cache.mkdir(parents=True)
    for name in ("toolkits", "environments", "downloads", "targets"):
        (shared / name).mkdir(parents=True, exist_ok=True)
        (cache / name).symlink_to(shared / name)
    return cache


def _pack(cache: Path, changed: Mapping[str, str]) -> str:
    """Put the small sdist, the same bytes each time, where a fetched one would lie; give its sha256."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        others = {f"flash_attn-0.0.1/{path}" for path in changed}
        tar.add(SDIST, "flash_attn-0.0.1", filter=lambda entry: None if entry.name in others else entry)
        for path, text in changed.items():
            entry = tarfile.TarInfo(f"flash_attn-0.0.1/{path}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    packed = gzip.compress(plain.getvalue(), mtime=0)
    sha256 = hashlib.sha256(packed).hexdigest()
    directory = cache / "sdists" / sha256[:16]
    directory.mkdir(parents=True)
    (directory / "flash_attn-0.0.1.tar.gz").write_bytes(packed)
    return sha256
