"""Loads a finished extension beside the real torch with every symbol bound: what does not fit shows here.

One for another machine is not loaded: what it lacks is looked for in what that machine's libraries export.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from factory.environment.target import Target
from factory.errors import InstallError
from factory.kernels.hostcompiler import HostCompiler
from factory.platforms import platforms
from factory.system import process
from factory.wheel import elf

_SYSTEM_LIBRARIES = ("libstdc++.so.6", "libgcc_s.so.1", "libm.so.6", "libc.so.6")
_OF_PYTHON = ("Py", "_Py")
# Run beside the real torch: first every symbol the extension lacks is looked up in what torch has loaded, so that
# all that are missing are named; then the extension is loaded with every symbol bound at once.
_LOAD = r"""
import ctypes, importlib, json, os, sys, torch
paths = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
libraries = [ctypes.CDLL(None), *(ctypes.CDLL(path) for path in sorted(paths))]
for name, symbols in json.loads(sys.argv[2]).items():
    missing = [symbol for symbol in symbols if not any(hasattr(library, symbol) for library in libraries)]
    if missing:
        sys.exit("\n".join(f"undefined symbol: {symbol}" for symbol in missing))
sys.setdlopenflags(os.RTLD_NOW)
sys.path.insert(0, sys.argv[1])
for name in json.loads(sys.argv[2]):
    importlib.import_module(name)
"""


def load(python: Path, modules: Sequence[Path], *, torch: str) -> None:
    """Load ``modules``, which lie in one directory, with the interpreter ``python`` that has ``torch`` installed.

    Raises InstallError that names every undefined symbol, or else what the interpreter said last.
    """
    lacking = {path.name.partition(".")[0]: sorted(elf.read(path, path.name).undefined) for path in modules}
    done = process.run([python, "-I", "-c", _LOAD, modules[0].parent, json.dumps(lacking)], timeout=600)
    if not done.ok:
        undefined = [line for line in done.stderr.splitlines() if line.startswith("undefined symbol: ")]
        raise _refused(torch, undefined or done.stderr.strip().splitlines()[-1:])


def compare(modules: Sequence[Path], target: Target, linker: HostCompiler, *, torch: str) -> None:
    """Look up all that ``modules`` lack in torch, CUDA's runtime and the libraries that ``linker`` links with.

    What Python itself exports is taken for granted. Raises InstallError that names every symbol that nobody has.
    """
    names = (*_SYSTEM_LIBRARIES, platforms()[target.machine].loader)
    system = [_asked(linker, f"-print-file-name={name}") for name in names]
    nm = _asked(linker, "-print-prog-name=nm")
    libraries = [*(target.torch / "lib").glob("*.so*"), *target.runtime.glob("libcudart.so.*"), *map(Path, system)]
    asked = process.run([nm, "--dynamic", "--defined-only", "--format=posix", *libraries], timeout=600)
    there = {line.partition(" ")[0].partition("@")[0] for line in asked.stdout.splitlines()}
    lacking = {symbol for path in modules for symbol in elf.read(path, path.name).undefined}
    missing = sorted(symbol for symbol in lacking - there if not symbol.startswith(_OF_PYTHON))
    if missing or not asked.ok:
        raise _refused(torch, [f"undefined symbol: {symbol}" for symbol in missing] or asked.stderr.splitlines()[-1:])


def _asked(linker: HostCompiler, question: str) -> str:
    return process.run([linker.path, question], timeout=60).stdout.strip()


def _refused(torch: str, why: Sequence[str]) -> InstallError:
    return InstallError(
        f"the extension does not load with torch {torch}",
        why=why,
        remedy="Nothing was written to the output directory. An undefined symbol names the library that lacks it.",
    )
