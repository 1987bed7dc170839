"""Prove that the pool's way gives what upstream's way gives: compile both ways, compare the machine code.

The plain way has the real torch's headers, CUDA's as NVIDIA published them, and one front-end pass for each
architecture. The pool's way has the stand-ins and mended headers, and shares passes as the matrix says. Results are
data, kept in ``factory/data/proofs``.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path

from factory.environment.environment import Environment
from factory.environment.target import Target
from factory.errors import DigestError, HostCompilerError, ProofError
from factory.kernels import costs, crosscompiler, estimate, firstcompile
from factory.kernels.kernels import compile_missing
from factory.kernels.prepared import KernelSetSpec, PreparedSet, prepare
from factory.kernels.unit import Unit, units
from factory.matrix.arch import Arch, front_ends
from factory.matrix.model import Cell, Torch
from factory.output.progress import counted
from factory.platforms import usual
from factory.pool.store import pool_in
from factory.prove import cubin
from factory.prove.proof import Difference, code_differences, moved, symbol_differences
from factory.session import Session
from factory.toolkit.toolkit import CudaToolkit

SCHEMA = 3
_SHOWN = 8  # lines of a difference


@dataclass(frozen=True, kw_only=True)
class ProvedCode:
    """One architecture of one unit: where its code came from, how many kernels, and the hash of them all.

    ``moved`` instructions read a parameter at another offset than upstream's, for that torch has a narrower state.
    """

    arch: str
    front_end: str
    kernels: int
    moved: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ProvedUnit:
    """One unit that is the same both ways, and the CPU seconds that each took where it was compiled."""

    source: str
    host_symbols: int
    cpu_seconds_plain: float
    cpu_seconds_pool: float
    code: tuple[ProvedCode, ...]


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What was compared, with the exact versions; ``whole`` says that it was every unit of the set.

    ``mended`` names the header fixes that the pool's way had and the plain way had not. ``machine`` is what the host
    code is for; where that was another one, ``host_compiler`` preprocessed for GPUs the pool's way, and
    ``cross_compiler``, None elsewhere, did all the rest.
    """

    flash_attn: str
    toolkit: str
    host_compiler: str
    cross_compiler: str | None
    machine: str
    torch: str
    profile: str
    archs: tuple[str, ...]
    whole: bool
    mended: tuple[str, ...]
    units: tuple[ProvedUnit, ...]

    @property
    def name(self) -> str:
        """The file it is kept in, without the ending."""
        archs = ".".join(arch.replace(".", "") for arch in self.archs)
        machine = "" if self.machine == usual() else f"-{self.machine}"
        return f"{self.flash_attn}-cuda{self.toolkit}-sm{archs}-{self.profile}-torch{self.torch}{machine}"

    def to_json(self) -> str:
        """Return the text that is kept."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n"


@dataclass(frozen=True, kw_only=True)
class Plain:
    """What the plain way needs besides the set: a torch, where it is installed, its C++ ABI.

    ``target`` has the torch of a cell that is for another machine.
    """

    torch: Torch
    cell: Cell
    environment: Environment
    target: Target | None = None

    @property
    def headers(self) -> Path:
        """The directory of the headers of torch for the cell's machine."""
        return (self.target.torch if self.target else self.environment.torch) / "include"

    @property
    def place(self) -> str:
        """The name of the directory that torch is in, which holds a digest of all that was installed there."""
        return (self.target.torch.parent if self.target else self.environment.root).name


def prove(wanted: KernelSetSpec, plain: Plain, session: Session, *, whole: bool) -> Proof:
    """Compile a sample of ``wanted``, or the ``whole`` set, both ways, compare, and return what was the same.

    Units compiled before are not compiled again, neither way. Raises ProofError with every difference, DigestError
    where a part was lost after it was made, and what ``prepare`` and ``compile_missing`` of ``factory.kernels.kernels``
    raise.
    """
    pool_way = prepare(wanted, session)
    published = _published(pool_way, session)
    plain_way = _plain_way(pool_way, published, plain)
    chosen = _chosen(pool_way.units, wanted, whole=whole)
    session.log.say(f"{counted(len(chosen), 'unit')} the pool's way")
    compile_missing(chosen, pool_way, session)
    names = {unit.source for unit in chosen}
    theirs = {unit.source: unit for unit in plain_way.units if unit.source in names}
    session.log.say(f"{counted(len(theirs), 'unit')} the plain way, with torch {plain.torch.release}")
    compile_missing(tuple(theirs.values()), plain_way, session)
    pairs = [(theirs[unit.source], unit) for unit in chosen]
    differences = list(chain.from_iterable(_differences(one, other, pool_way, session) for one, other in pairs))
    if differences:
        raise ProofError(
            "the pool's code is not upstream's: "
            f"{counted(len(differences), 'difference')} in {counted(len(chosen), 'unit')}",
            why=differences,
            remedy="Take the architectures that differ out of front_end in matrix.yaml, or correct the stand-ins.",
        )
    return Proof(
        flash_attn=wanted.flash_attn.version,
        toolkit=pool_way.toolkit.release,
        host_compiler=pool_way.compiler.version,
        cross_compiler=pool_way.linker.version if pool_way.cross else None,
        machine=wanted.machine,
        torch=plain.torch.release,
        profile=wanted.profile.name,
        archs=tuple(str(arch) for arch in wanted.archs),
        whole=whole,
        mended=tuple(name for name in pool_way.toolkit.mended if name not in published.mended),
        units=tuple(_proved(one, other, session) for one, other in pairs),
    )


def _chosen(every: Sequence[Unit], wanted: KernelSetSpec, *, whole: bool) -> tuple[Unit, ...]:
    """Return all units, or the quickest of each kind."""
    if whole:
        return tuple(every)
    table = costs.table()
    shape = estimate.shape_of(wanted.profile.name, wanted.archs, wanted.toolkit)
    kinds: dict[str, Unit] = {}
    for unit in sorted(every, key=lambda unit: (table.guess(unit, shape).seconds, unit.source)):
        kinds.setdefault(unit.kind, unit)
    return tuple(sorted(kinds.values(), key=lambda unit: unit.source))


def _published(ready: PreparedSet, session: Session) -> CudaToolkit:
    """Return the toolkit as NVIDIA published it, if it compiles on this machine."""
    try:
        firstcompile.check(ready.toolkit.as_published, ready.compiler.path, session.env)
    except HostCompilerError:
        session.log.say("the plain way needs the mended headers too: NVIDIA's own do not fit this machine's glibc")
        return ready.toolkit
    return ready.toolkit.as_published


def _plain_way(ready: PreparedSet, toolkit: CudaToolkit, plain: Plain) -> PreparedSet:
    """Return the set as upstream compiles it: torch's own headers and macros, a front end for each architecture.

    The host compiler is that of the set's machine, for the device's code too.
    """
    standard = f"-std=c++{plain.torch.cxx_standard}"
    flags = [standard if flag.startswith("-std=") else flag for flag in ready.inputs.flags]
    abi = f"-D_GLIBCXX_USE_CXX11_ABI={int(plain.cell.cxx11abi)}"
    own = (*ready.extension.include_dirs, plain.headers)
    includes = [f"-I{path}" for path in (*own, plain.headers / "torch/csrc/api/include")]
    brought = plain.environment.cuda_includes
    libraries = [word for path in brought for word in ("--compiler-options", f"-idirafter{path}")]
    torch_macros = ("-DTORCH_API_INCLUDE_EXTENSION_H", f"-DTORCH_EXTENSION_NAME={ready.extension.name}", abi)
    inputs = replace(
        ready.inputs,
        toolkit=toolkit.digest,
        host_compiler=ready.linker.digest,
        headers=hashlib.sha256(plain.place.encode()).hexdigest(),
        flags=(*flags, *torch_macros),
    )
    rest = (*flags, *torch_macros, *includes, *libraries)
    nvcc = crosscompiler.nvcc(toolkit, ready.linker, ready.wanted.machine, rest)
    passes = front_ends([arch.real for arch in ready.wanted.archs], {})
    made = units(ready.extension, inputs, passes)
    return replace(ready, inputs=inputs, units=made, nvcc=nvcc, compiler=ready.linker, cross=None)


def _differences(plain: Unit, pool: Unit, ready: PreparedSet, session: Session) -> Iterator[str]:
    theirs, ours = _codes(plain), _codes(pool)
    for arch, key in ours.items():
        one, other = _object(theirs[arch], session), _object(key, session)
        found = list(code_differences(cubin.read_code(one), cubin.read_code(other)))
        for difference in found:
            yield f"{pool.name} sm_{arch.number}: {difference}"
        yield from _shown(found, one, other, ready)
    for difference in symbol_differences(
        cubin.read_symbols(_object(plain.host, session)), cubin.read_symbols(_object(pool.host, session))
    ):
        yield f"{pool.name}: {difference}"


def _shown(found: Sequence[Difference], plain: Path, pool: Path, ready: PreparedSet) -> list[str]:
    """Show the first lines of the first kernel that differs, where the toolkit has the tool for it."""
    kernel = next((difference.kernel for difference in found if difference.kernel), "")
    tool = ready.toolkit.home / "bin" / "cuobjdump"
    if not kernel or not tool.exists():
        return []
    theirs, ours = (cubin.disassemble(path, kernel, tool) for path in (plain, pool))
    changed = difflib.unified_diff(theirs, ours, "plain", "pooled", n=0, lineterm="")
    return [f"  {line}" for line, _ in zip(changed, range(_SHOWN), strict=False)]


def _proved(plain: Unit, unit: Unit, session: Session) -> ProvedUnit:
    symbols = cubin.read_symbols(_object(unit.host, session))
    return ProvedUnit(
        source=unit.source,
        host_symbols=len(symbols.defined) + len(symbols.undefined),
        cpu_seconds_plain=_cpu_seconds(plain, session),
        cpu_seconds_pool=_cpu_seconds(unit, session),
        code=tuple(
            _proved_code(stage.virtual, arch, _codes(plain)[arch], key, session)
            for stage in unit.stages
            for arch, key in stage.code
        ),
    )


def _proved_code(virtual: Arch, arch: Arch, plain: str, key: str, session: Session) -> ProvedCode:
    theirs, code = (cubin.read_code(_object(one, session)) for one in (plain, key))
    return ProvedCode(
        arch=str(arch),
        front_end=str(virtual),
        kernels=code.kernels,
        moved=moved(theirs, code),
        sha256=code.sha256,
    )


def _cpu_seconds(unit: Unit, session: Session) -> float:
    """Add up what the compiles took that made the parts; parts of one compile have the same figures."""
    records = [record for key in unit.wanted() if (record := pool_in(session.cache).record(key)) is not None]
    compiles = {(row.passes, row.targets, row.wall_seconds): row.cpu_seconds for row in records}
    return round(sum(compiles.values()), 1)


def _codes(unit: Unit) -> dict[Arch, str]:
    return {arch: key for stage in unit.stages for arch, key in stage.code}


def _object(key: str, session: Session) -> Path:
    found = pool_in(session.cache).get(key)
    if found is None:
        raise DigestError(
            "a part was lost or damaged after it was made", remedy="Check the disk, then run the same command again."
        )
    return found[1]
