"""Compile a set of kernels into the pool: once per source, toolkit, architectures, profile and torch class.

No torch is installed or looked at here, and no GPU is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.core.arch import Arch
from factory.core.errors import DigestError
from factory.core.estimate import Shape, expect
from factory.core.inheritance import inherited
from factory.core.model import FlashAttn, Profile, Toolkit
from factory.core.progress import duration
from factory.core.sdist import Extension, read_extension
from factory.core.toolkit import CudaToolkit
from factory.core.unit import TORCH_NVCC_FLAGS, Inputs, KernelClass, Unit, compile_flags, units
from factory.data import DATA
from factory.edge import hostcompiler, source, toolkit, workshop
from factory.edge.compile import Floor, compile_all
from factory.edge.hostcompiler import HostCompiler
from factory.edge.worker import Job
from factory.edge.workshop import Workshop


@dataclass(frozen=True, kw_only=True)
class SetWanted:
    """Which kernels: everything the objects depend on that a person chooses."""

    flash_attn: FlashAttn
    toolkit: Toolkit
    archs: tuple[Arch, ...]
    profile: Profile
    kernel_class: KernelClass


@dataclass(frozen=True, kw_only=True)
class KernelSet:
    """Kernels that are all in the pool, and what they were made with.

    ``objects`` maps each source to its object's path and sha256; ``flags`` are upstream's own, as its
    ``setup.py`` must pass them again when the wheel is made.
    """

    wanted: SetWanted
    root: Path
    extension: Extension
    toolkit: CudaToolkit
    compiler: HostCompiler
    objects: Mapping[str, tuple[Path, str]]
    compiled: int

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags torch and ``setup.py`` pass for a kernel, architectures apart."""
        return TORCH_NVCC_FLAGS + self.extension.nvcc_flags


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A set before anything is compiled: its sources unpacked, its tools found, its units keyed."""

    wanted: SetWanted
    root: Path
    extension: Extension
    toolkit: CudaToolkit
    compiler: HostCompiler
    units: tuple[Unit, ...]
    argv: tuple[str, ...]


def prepare(wanted: SetWanted, shop: Workshop) -> Prepared:
    """Find or fetch the toolkit, the host compiler and the source, and key every unit.

    Raises ToolkitError, HostCompilerError, UnreachableError, SourceError or DigestError.
    """
    release = wanted.flash_attn
    cuda = toolkit.find(wanted.toolkit.version, shop.env, shop.cache, shop.log.say)
    compiler = hostcompiler.find(wanted.toolkit, shop.env)
    archive = source.fetch(release.version, release.sha256, cache=shop.cache, env=shop.env)
    root = source.unpack(archive, sha256=release.sha256, leave_out=release.leave_out, cache=shop.cache)
    extension = read_extension((root / "setup.py").read_text())
    flags = compile_flags(extension, wanted.profile, wanted.archs, wanted.toolkit)
    macros = tuple(f"-D{macro}" for macro in wanted.kernel_class.macros)
    inputs = Inputs(
        flash_attn=release.version,
        sdist=release.sha256,
        toolkit=cuda.digest,
        host_compiler=compiler.digest,
        standin=workshop.standin_digest(),
        kernel_class=wanted.kernel_class.name,
        flags=flags + macros,
    )
    includes = tuple(f"-I{path}" for path in (*extension.include_dirs, DATA / "standin"))
    return Prepared(
        wanted=wanted,
        root=root,
        extension=extension,
        toolkit=cuda,
        compiler=compiler,
        units=units(extension, inputs),
        argv=(str(cuda.nvcc), "-ccbin", str(compiler.path), *flags, *macros, *includes),
    )


def kernels(wanted: SetWanted, shop: Workshop) -> KernelSet:
    """Compile what the pool lacks of a set and give the whole set.

    Raises KernelError, MemoryKillError or DiskFullError; what was finished by then stays in the pool.
    """
    ready = prepare(wanted, shop)
    shop.pool.sweep()
    missing = [unit for unit in ready.units if shop.pool.get(unit.key) is None]
    here = len(ready.units) - len(missing)
    shop.log.say(f"kernels: {len(ready.units)} units, {here} in the pool, {len(missing)} to compile")
    if missing:
        _compile(missing, ready, shop)
    return KernelSet(
        wanted=wanted,
        root=ready.root,
        extension=ready.extension,
        toolkit=ready.toolkit,
        compiler=ready.compiler,
        objects={unit.source: _object(unit, shop) for unit in ready.units},
        compiled=len(missing),
    )


def _compile(missing: Sequence[Unit], ready: Prepared, shop: Workshop) -> None:
    wanted = ready.wanted
    shape = Shape.of(wanted.profile.name, wanted.archs, wanted.toolkit.front_end)
    demand = expect(missing, shape, workshop.costs(), workshop.measured(shop.pool))
    logs = shop.cache / "logs" / f"kernels-{missing[0].key[:12]}"
    total = sum(row.seconds for row in demand.values()) / shop.limits.jobs
    shop.log.say(
        f"about {duration(total)} with {shop.limits.jobs} at once in {shop.limits.budget / 1e9:.1f} GB; "
        f"compiler output in {logs}"
    )
    env = inherited(shop.env)
    compile_all(
        [_job(unit, shape, ready, shop) for unit in missing],
        demand,
        Floor(limits=shop.limits, logs=logs, env=env, log=shop.log),
    )


def _job(unit: Unit, shape: Shape, ready: Prepared, shop: Workshop) -> Job:
    return Job(
        key=unit.key,
        source=unit.source,
        profile=shape.profile,
        passes=shape.passes,
        targets=shape.targets,
        pool=str(shop.pool.root),
        argv=(*ready.argv, "-c", unit.source),
        cwd=str(ready.root),
    )


def _object(unit: Unit, shop: Workshop) -> tuple[Path, str]:
    found = shop.pool.get(unit.key)
    if found is None:
        raise DigestError(
            f"the object of {unit.source} was damaged right after it was made",
            remedy="Check the disk, then run the same command again.",
        )
    record, path = found
    return path, record.sha256
