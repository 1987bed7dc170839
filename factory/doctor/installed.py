"""What is installed in the Python on PATH, read from files: torch is not imported, so a broken one does no harm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from factory.doctor import parse
from factory.doctor.facts import Missing, Python, Torch
from factory.errors import InterpreterError
from factory.index import probe
from factory.platforms import platforms
from factory.system import files, process
from factory.wheel import elf
from factory.wheel.elf import ElfError

_HEADER = "cudnn_version.h"
# Where cuDNN's header is that came with the system rather than as a Python package (Debian's, NVIDIA's).
_SYSTEM = (Path("/usr/include"), *(Path("/usr/include") / row.triple for row in platforms().values()))


def find(env: Mapping[str, str]) -> Python | Missing:
    """Return what ``python`` starts for the person who typed the command, or what is the matter with it."""
    try:
        path = probe.interpreter(env)
    except InterpreterError as error:
        return Missing(what="; ".join([error.what, *error.why]) if env.get("PATH") else "PATH is not set")
    done = process.run([path, "-c", parse.PROBE], env=env, timeout=60)
    try:
        version, packages, torch = parse.probed(done.stdout)
    except ValueError:
        said = done.stderr.strip().rpartition("\n")[2] or f"it ended with status {done.status}"
        return Missing(what=f"{path} does not say what is installed in it: {said}")
    where = Path(torch) if torch else None
    return Python(
        path=str(path),
        version=version,
        packages=packages,
        torch=_torch(where) if where else None,
        cudnn=parse.cudnn_of(packages) or _cudnn_header(where, env),
    )


def _torch(where: Path) -> Torch:
    release, cuda = parse.torch_version(files.text_of(where / "version.py") or "")
    return Torch(where=str(where), release=release, cuda=cuda, cxx11abi=_abi(where / "lib" / "libc10.so"))


def _abi(library: Path) -> bool | None:
    try:
        return parse.torch_abi(elf.read(library, library.name).defined)
    except ElfError:
        return None


def _cudnn_header(torch: Path | None, env: Mapping[str, str]) -> str | None:
    """Look where a cuDNN that is no Python package has its header; without a torch nobody takes it."""
    if torch is None:
        return None
    toolkit = [Path(env["CUDA_HOME"]) / "include"] if env.get("CUDA_HOME") else []
    texts = (files.text_of(place / _HEADER) for place in (*toolkit, *_SYSTEM))
    return next((found for text in texts if text and (found := parse.cudnn_header(text))), None)
