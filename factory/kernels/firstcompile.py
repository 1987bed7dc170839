"""The first compile with a toolkit that is here: a file of some lines, before anything is fetched."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from factory.data import DATA
from factory.errors import HostCompilerError
from factory.kernels.hostcompiler import HostCompiler
from factory.system import machine, process
from factory.system.environ import inherited
from factory.toolkit.toolkit import NAMED, CudaToolkit

_SHOWN = 3  # lines of what the compiler said


def check_once(toolkit: CudaToolkit, compiler: HostCompiler, cache: Path, env: Mapping[str, str]) -> None:
    """Do as ``check`` does, unless ``cache`` knows that these two have compiled beside this machine's glibc.

    Raises HostCompilerError as ``check`` does, and OSError where nothing can be written in ``cache``.
    """
    three = hashlib.sha256(f"{toolkit.digest}\n{compiler.digest}\n{machine.glibc()}".encode()).hexdigest()
    known = cache / "tried" / three
    if not known.is_file():
        check(toolkit, compiler.path, env)
        known.parent.mkdir(parents=True, exist_ok=True)
        known.touch()


def check(toolkit: CudaToolkit, compiler: Path, env: Mapping[str, str]) -> None:
    """Compile ``data/first.cu`` with ``toolkit`` and the g++ at ``compiler``; takes a second or two.

    Raises HostCompilerError with what the compiler said.
    """
    with tempfile.TemporaryDirectory() as directory:
        words = ("-std=c++17", "-c", DATA / "first.cu", "-o", Path(directory, "first.o"))
        command: list[str | Path] = [toolkit.nvcc, "-ccbin", compiler, *words]
        done = process.run(command, env={**inherited(env), "LC_ALL": "C"}, timeout=120)
    if done.ok:
        return
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    named = toolkit.origin in NAMED
    raise HostCompilerError(
        f"CUDA {toolkit.version} of {toolkit.origin} cannot compile with {compiler} on this machine",
        why=[line for line in lines if "error" in line][:_SHOWN] or lines[-_SHOWN:],
        remedy=f"Type: unset {toolkit.origin}; then the same command again, which takes or fetches another."
        if named
        else "Run the same command again with --backend container.",
    )
