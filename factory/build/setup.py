"""Set up what a wheel step works with: a torch that fits the kernels, their objects, the two wrappers and their job."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from factory import toolkit
from factory.build.recipe import BuildPaths, cxx_flags
from factory.build.wrappers.job import DriverJob
from factory.kernels import hostcompiler
from factory.kernels.kernels import CompiledSet
from factory.matrix.kernelset import need_of
from factory.matrix.model import Cell, Matrix, Profile, Torch, TorchBuild
from factory.session import Session
from factory.system import process
from factory.system.files import sha256_of
from factory.toolkit.toolkit import CudaRuntime

_INCLUDE = "import sysconfig; print(sysconfig.get_path('include'))"


@dataclass(frozen=True, kw_only=True)
class CellWanted:
    """One wheel to make: the cell and the rows of the matrix it stands on.

    ``compression`` is the mode in which its machine code is compressed, None where it is not.
    """

    cell: Cell
    torch: Torch
    build: TorchBuild
    profile: Profile
    compression: str | None


def wanted(cell: Cell, matrix: Matrix) -> CellWanted:
    """Return the rows of ``matrix`` that ``cell`` stands on. Raises KeyError for a cell of another matrix."""
    return CellWanted(
        cell=cell,
        torch=matrix.torch[cell.torch],
        build=matrix.build_of(cell),
        profile=matrix.profiles[cell.profile],
        compression=matrix.toolkits[need_of(cell, matrix).cuda].compression,
    )


def runtime(cell: Cell, kernels: str, session: Session) -> CudaRuntime:
    """Return the headers and the runtime of the cell's own CUDA; the toolkit of CUDA ``kernels`` compiles its kernels.

    Raises what ``toolkit.find`` raises.
    """
    having = toolkit.find if cell.cuda == kernels else toolkit.runtime
    return having(cell.cuda, session.env, session.cache, session.log.say)


def set_up(paths: BuildPaths, wanted: CellWanted, kernels: CompiledSet, session: Session) -> None:
    """Fill ``paths.workdir`` for ``wanted``.

    Raises TorchHeadersError when this torch does not fit the kernels, DigestError when one of their parts was lost.
    """
    ready = kernels.ready
    hostcompiler.check_bridge(
        wanted.torch,
        compiler=ready.linker,
        include_dirs=(paths.torch / "include", paths.cuda_home / "include"),
        env=session.env,
    )
    paths.objects.mkdir(parents=True)
    assembler = kernels.assembler(session, compression=wanted.compression)
    assembled = {unit.source: assembler.assemble(unit, paths.objects) for unit in ready.units}
    _wrapper(paths.nvcc, "factory.build.wrappers.nvcc")
    _wrapper(paths.cxx, "factory.build.wrappers.cxx")
    DriverJob(
        root=str(paths.source),
        nvcc=str(paths.cuda_home / "bin" / "nvcc"),
        cxx=str(ready.linker.path),
        bridged=ready.extension.interface,
        bridge=str(hostcompiler.BRIDGE),
        nvcc_flags=kernels.flags,
        cxx_flags=cxx_flags(wanted.profile, paths, standard=wanted.torch.cxx_standard),
        places=_places(paths),
        objects={source: (str(path), sha256_of(path)) for source, path in assembled.items()},
    ).write(paths.job_file)


def _places(paths: BuildPaths) -> dict[str, str]:
    """Return this machine's directories that upstream's build names, with those of the wheel's machine."""
    target = paths.target
    if target is None:
        return {}
    include = Path(process.run([paths.python, "-I", "-c", _INCLUDE], timeout=60).stdout.strip())
    return {
        str(include): str(target.include / include.name),
        str(paths.site_packages / "torch"): str(target.torch),
        **{str(paths.cuda_home / name): str(target.runtime) for name in ("lib64", "lib")},
    }


def _wrapper(path: Path, module: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -m {module} "$@"\n')
    path.chmod(0o755)
