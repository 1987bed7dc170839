"""Loads a finished extension beside the real torch with every symbol bound: what does not fit shows here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from factory.errors import InstallError
from factory.system import process
from factory.wheel import elf

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
        raise InstallError(
            f"the extension does not load with torch {torch}",
            why=undefined or done.stderr.strip().splitlines()[-1:],
            remedy="Nothing was written to the output directory. An undefined symbol names the library that lacks it.",
        )
