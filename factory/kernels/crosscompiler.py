"""The g++ that compiles host code for another machine than this one, and the command that has nvcc use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from factory.errors import HostCompilerError
from factory.kernels import hostcompiler
from factory.kernels.hostcompiler import HostCompiler
from factory.kernels.job import Cross
from factory.matrix.model import Toolkit
from factory.platforms import own_machine, platforms
from factory.toolkit.toolkit import CudaToolkit


def find(toolkit: Toolkit, machine: str, env: Mapping[str, str]) -> HostCompiler:
    """Return the g++ on PATH that compiles host code of ``toolkit`` for ``machine``, as ``uname -m`` says it.

    Taken is the first that the toolkit accepts by its version and whose headers fit. Raises HostCompilerError when
    there is none.
    """
    target = platforms()[machine]
    names = [f"{target.triple}-{name}" for name in hostcompiler.usual_names(toolkit)]
    found, seen = hostcompiler.first(hostcompiler.on_path(names, env), toolkit, env)
    if found is not None:
        return found
    raise HostCompilerError(
        f"CUDA {toolkit.version} needs a g++ of at most version {toolkit.newest_gcc} that compiles for {machine}",
        why=seen or [f"none of {', '.join(names)} is on PATH"],
        remedy=f"As root, type: apt-get install {target.cross}; then the same command again.",
    )


def nvcc(cuda: CudaToolkit, compiler: HostCompiler, machine: str, rest: Sequence[str]) -> tuple[str, ...]:
    """Return the command that has the nvcc of ``cuda`` compile for ``machine`` with ``compiler``; ``rest`` follow."""
    headers = platforms()[own_machine()].cuda
    # nvcc looks for the directory of the machine that g++ is for, where toolkits have one for each.
    apart = machine != own_machine() and (cuda.home / "targets" / headers).is_dir()
    return (str(cuda.nvcc), "-ccbin", str(compiler.path), *(("-target-dir", headers) if apart else ()), *rest)


def command(cuda: CudaToolkit, compiler: HostCompiler, machine: str, rest: Sequence[str]) -> Cross:
    """Return what compiles host code for ``machine`` with ``compiler`` and the headers of ``cuda``.

    ``rest`` are nvcc's other words.
    """
    return Cross(
        nvcc=nvcc(cuda, compiler, machine, rest),
        fatbinary=str(cuda.home / "bin" / "fatbinary"),
        objcopy=str(compiler.objcopy),
    )
