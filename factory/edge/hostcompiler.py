"""The host C++ compiler: which one, how new, and whether a torch's headers agree with a kernel class."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.core.errors import HostCompilerError, TorchClassError
from factory.core.model import Toolkit, Torch
from factory.core.unit import KernelClass
from factory.data import DATA
from factory.edge import shell

_MAJOR = re.compile(r"^(\d+)")


@dataclass(frozen=True, kw_only=True)
class HostCompiler:
    """A g++: its path, its version (``12.2.0``), a sha256 that stands for it in keys, and its binutils' objcopy."""

    path: Path
    version: str
    digest: str
    objcopy: Path


def find(toolkit: Toolkit, env: Mapping[str, str]) -> HostCompiler:
    """Give the newest g++ that ``toolkit`` accepts: ``$CXX`` if set, else ``g++``, else a versioned one.

    Raises HostCompilerError when there is none.
    """
    names = [env["CXX"]] if env.get("CXX") else ["g++", *(f"g++-{major}" for major in range(toolkit.newest_gcc, 8, -1))]
    seen: list[str] = []
    for name in names:
        path = shutil.which(name, path=env.get("PATH"))
        if path is None:
            continue
        version, digest = _version(path, env), _digest(path, env)
        major = _MAJOR.match(version)
        if major and digest and int(major[1]) <= toolkit.newest_gcc:
            return HostCompiler(path=Path(path), version=version, digest=digest, objcopy=_objcopy(path, env))
        seen.append(f"{path} is {version if digest and version else 'not a gcc'}")
    raise HostCompilerError(
        f"CUDA {toolkit.version} needs a host g++ of at most version {toolkit.newest_gcc}",
        why=seen or [f"none of {', '.join(names)} is on PATH"],
        remedy=f"Install g++-{toolkit.newest_gcc} or older (or name one with CXX=...), and run the same command again.",
    )


def check_class(
    kernel_class: KernelClass,
    torch: Torch,
    *,
    compiler: HostCompiler,
    include_dirs: Sequence[Path],
    env: Mapping[str, str],
) -> None:
    """Assert at compile time that torch's real headers agree with the class its kernels were made for.

    Raises TorchClassError with the assertions that failed.
    """
    standin = DATA / "standin"
    command: list[str | Path] = [
        compiler.path,
        f"-std=c++{torch.cxx_standard}",
        "-fsyntax-only",
        *(f"-isystem{path}" for path in include_dirs),
        *(f"-D{macro}" for macro in kernel_class.macros),
        f'-DFACTORY_STANDIN_PHILOX="{standin / "ATen/cuda/CUDAGeneratorImpl.h"}"',
        f'-DFACTORY_STANDIN_CHECK="{standin / "c10/cuda/CUDAException.h"}"',
        DATA / "class_check.cpp",
    ]
    done = shell.run(command, env=env, timeout=300)
    if done.ok:
        return
    failed = [line.split("kernel class: ")[-1] for line in done.stderr.splitlines() if "kernel class: " in line]
    evidence = sorted({line for line in failed if "error" not in line and not line.startswith((" ", "static_assert"))})
    raise TorchClassError(
        f"torch {torch.release} does not fit kernel class {kernel_class.name}; no wheel was linked",
        why=evidence or [line for line in done.stderr.splitlines() if "error" in line][:5],
        remedy="Correct the kernel_class of this torch in matrix.yaml, or add its class to kernel_classes.toml.",
    )


def _objcopy(path: str, env: Mapping[str, str]) -> Path:
    """Ask the compiler where its objcopy is: beside its assembler and linker, else on PATH."""
    named = shell.run([path, "-print-prog-name=objcopy"], env=env, timeout=30).stdout.strip()
    found = shutil.which(named or "objcopy", path=env.get("PATH"))
    if found is None:
        raise HostCompilerError(
            f"{path} has no objcopy beside it, nor is one on PATH",
            remedy="Install binutils, and run the same command again.",
        )
    return Path(found)


def _version(path: str, env: Mapping[str, str]) -> str:
    return shell.run([path, "-dumpfullversion", "-dumpversion"], env=env, timeout=30).stdout.strip()


def version_of(path: str, env: Mapping[str, str]) -> str | None:
    """Give the version of the gcc at ``path``; None where it is no gcc, or does not say."""
    version = _version(path, env)
    return version if _MAJOR.match(version) and _digest(path, env) else None


def _digest(path: str, env: Mapping[str, str]) -> str:
    """Hash how a gcc describes itself; empty for another compiler, such as a clang called g++."""
    described = shell.run([path, "-v", "-E", "-x", "c++", "/dev/null", "-o", "/dev/null"], env=env, timeout=30).stderr
    lines = [line for line in described.splitlines() if line.startswith(("gcc version", "Target:", "Configured with:"))]
    is_gcc = any(line.startswith("gcc version") for line in lines)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if is_gcc else ""
