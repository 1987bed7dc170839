"""A set of kernels before anything is compiled: its sources unpacked, its tools found, its units keyed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from factory import toolkit
from factory.data import DATA
from factory.kernels import crosscompiler, hostcompiler, source, unit
from factory.kernels.hostcompiler import HostCompiler
from factory.kernels.job import Cross
from factory.kernels.reproducible import path_flags
from factory.kernels.sdist import Extension, read_extension
from factory.kernels.unit import KeyInputs, Unit, compile_flags, units
from factory.matrix.arch import Arch, front_ends
from factory.matrix.kernelset import KernelSetId
from factory.matrix.model import FlashAttn, Matrix, Profile, Toolkit
from factory.platforms import own_machine
from factory.pool.record import SetRecord
from factory.session import Session
from factory.toolkit.toolkit import CudaToolkit


@dataclass(frozen=True, kw_only=True)
class KernelSetSpec:
    """Which kernels: everything the objects depend on that a person chooses.

    ``machine`` is what their host code is for.
    """

    flash_attn: FlashAttn
    toolkit: Toolkit
    archs: tuple[Arch, ...]
    profile: Profile
    machine: str


def set_wanted(need: KernelSetId, matrix: Matrix) -> KernelSetSpec:
    """Return the rows of ``matrix`` that a kernel set stands on."""
    return KernelSetSpec(
        flash_attn=matrix.flash_attn[need.flash_attn],
        toolkit=matrix.toolkits[need.cuda],
        archs=need.archs,
        profile=matrix.profiles[need.profile],
        machine=need.machine,
    )


@dataclass(frozen=True, kw_only=True)
class PreparedSet:
    """A set before anything is compiled: its sources unpacked, its tools found, its units keyed.

    ``nvcc`` is the command that compiles a unit, but for the unit's own flags, gencode, input and output. ``compiler``
    is what it calls; ``linker`` is the g++ for the set's machine, which is the same one where that is this machine,
    and ``cross`` what compiles the host code where it is not. ``compiled_on`` is the machine that everything else is
    compiled on; where that is not this one, all of it is there, ``nvcc`` is empty and ``cross`` compiles the host code.
    """

    wanted: KernelSetSpec
    root: Path
    extension: Extension
    toolkit: CudaToolkit
    compiler: HostCompiler
    linker: HostCompiler
    inputs: KeyInputs
    units: tuple[Unit, ...]
    nvcc: tuple[str, ...]
    cross: Cross | None
    compiled_on: str

    @property
    def kin(self) -> str:
        """What sets have in common that differ in architectures and in the machine that compiled them alone."""
        return self.inputs.kin(toolkit=self.toolkit.release, host_compiler=self.compiler.version)


def prepare(wanted: KernelSetSpec, session: Session) -> PreparedSet:
    """Find or fetch the toolkit, the host compiler and the source, and return the set with every unit keyed.

    Raises ToolkitError, HostCompilerError, UnreachableError, SourceError or DigestError.
    """
    release = wanted.flash_attn
    foreign = wanted.machine != own_machine()
    linker = crosscompiler.find(wanted.toolkit, wanted.machine, session.env) if foreign else None
    compiler = hostcompiler.provide(wanted.toolkit, session.env, session.cache, session.log.say)
    cuda = toolkit.find(wanted.toolkit.version, session.env, session.cache, session.log.say)
    root = source.checked(release, cache=session.cache, env=session.env, say=session.log.say)
    extension = read_extension((root / "setup.py").read_text())
    flags = compile_flags(extension, wanted.profile)
    inputs = KeyInputs(
        flash_attn=release.version,
        sdist=release.sha256,
        toolkit=cuda.digest,
        host_compiler=compiler.digest,
        headers=unit.standin_digest(),
        flags=flags,
    )
    includes = tuple(f"-I{path}" for path in (*extension.include_dirs, DATA / "standin"))
    places = {root: ".", cuda.home: "cuda", cuda.as_published.home: "cuda", DATA / "standin": "standin"}
    rest = (*flags, *includes, *path_flags(places))
    return PreparedSet(
        wanted=wanted,
        root=root,
        extension=extension,
        toolkit=cuda,
        compiler=compiler,
        linker=linker or compiler,
        inputs=inputs,
        units=units(
            extension,
            inputs,
            front_ends(wanted.archs, wanted.toolkit.front_end),
            hosting=replace(inputs, host_compiler=linker.digest) if linker else None,
        ),
        nvcc=crosscompiler.nvcc(cuda, compiler, own_machine(), rest),
        cross=crosscompiler.command(cuda, linker, wanted.machine, rest) if linker else None,
        compiled_on=own_machine(),
    )


def record(ready: PreparedSet) -> SetRecord:
    """Return what the pool is to know of a set."""
    wanted = ready.wanted
    keys = frozenset[str]().union(*(unit.made() for unit in ready.units))
    return SetRecord(
        flash_attn=wanted.flash_attn.version,
        cuda=wanted.toolkit.version,
        archs=tuple(map(str, wanted.archs)),
        profile=wanted.profile.name,
        toolkit=ready.toolkit.release,
        host_compiler=ready.compiler.version,
        machine=wanted.machine,
        units=len(ready.units),
        keys=tuple(sorted(keys)),
        compiled_on=ready.compiled_on,
        toolkit_sha256=ready.inputs.toolkit,
        host_compiler_sha256=ready.inputs.host_compiler,
        kin=ready.kin,
    )
