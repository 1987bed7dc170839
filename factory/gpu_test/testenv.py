"""Where a finished wheel is tested: a clean environment made for it, or the torch of an interpreter that is here.

Neither changes anything of the machine: all that is made lies in a directory that is thrown away.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.environment.environment import Environment
from factory.errors import InstallError, InterpreterError
from factory.system import process, zips
from factory.wheel import elf
from factory.wheel.elf import ElfError
from factory.wheel.fatbin import GpuCode

_FACTS = """
import json, platform, sys, sysconfig
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
facts = {"python": "%d.%d" % sys.version_info[:2] + free, "glibc": platform.libc_ver()[1] or None}
import torch
facts.update(torch=torch.__version__, cuda=torch.version.cuda, cxx11abi=bool(torch._C._GLIBCXX_USE_CXX11_ABI))
print(json.dumps(facts))
"""
_POLICY = 300  # seconds; a first import of torch from a cold network disk takes minutes


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What an interpreter is: ``python`` ``3.12``, ``torch`` ``2.11.0+cu130``, its ``cuda`` ``13.0``, its ABI."""

    python: str
    torch: str
    cuda: str | None
    cxx11abi: bool
    glibc: str | None


@dataclass(frozen=True, kw_only=True)
class TrialEnvironment:
    """An interpreter with torch, and the directories that go before all others when it imports."""

    python: Path
    paths: tuple[Path, ...]
    facts: Facts


def clean(wheel: Path, environment: Environment, into: Path, *, env: Mapping[str, str]) -> TrialEnvironment:
    """Make a virtual environment in ``into`` that has ``wheel`` of its own and torch from ``environment``; return it.

    Raises InstallError with pip's words.
    """
    base = dict(env)
    virtualenv: list[str | Path] = [sys.executable, "-m", "virtualenv", "--quiet", "--no-periodic-update"]
    _make([*virtualenv, "-p", environment.python, into], base)
    python = into / "bin" / "python"
    pip: list[str | Path] = [python, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _make([*pip, "--no-deps", "--no-index", wheel], base)
    own = next((into / "lib").glob("python*/site-packages"))
    (own / "torch.pth").write_text(f"{environment.site_packages}\n", encoding="utf-8")
    return TrialEnvironment(python=python, paths=(), facts=_facts(python, base))


def borrowed(wheel: Path, python: Path | None, into: Path, *, env: Mapping[str, str]) -> TrialEnvironment:
    """Return ``python``, or else the first ``python3`` on PATH that has torch; the wheel is unpacked into ``into``.

    Raises InterpreterError where there is none.
    """
    tried: list[str] = []
    for candidate in [python] if python else _on_path(env):
        try:
            facts = _facts(candidate, env)
        except InterpreterError as error:
            tried += [f"{candidate}: {line}" for line in error.why]
            continue
        _unpack(wheel, into)
        return TrialEnvironment(python=candidate, paths=(into,), facts=facts)
    raise InterpreterError(
        "there is no Python here with torch to test with",
        why=tried or ["there is no python3 on PATH"],
        remedy="Name one with --python PATH, or leave out --no-install to have the wheel's own torch installed.",
    )


def unpack_extension(wheel: Path, member: str, into: Path) -> Path:
    """Take one file out of a wheel and return its path. Raises InstallError when it cannot be read."""
    _unpack(wheel, into, only=[member])
    return into / member


def _unpack(wheel: Path, into: Path, *, only: Sequence[str] | None = None) -> None:
    try:
        zips.unpack(wheel, into, only)
    except (OSError, ValueError) as error:
        raise InstallError(f"{wheel.name} cannot be unpacked", why=[str(error)]) from error


def with_only(image: GpuCode, wheel: Path, member: str, into: Path) -> Path:
    """Take the extension out of a wheel, hide from the driver all its GPU code but ``image``, and return its path.

    Raises InstallError when it cannot be read.
    """
    extension = unpack_extension(wheel, member, into / str(image))
    try:
        elf.hide_all_but(image, extension)
    except ElfError as error:
        raise InstallError(f"the GPU code of {wheel.name} cannot be told apart", why=[str(error)]) from error
    return extension


def _on_path(env: Mapping[str, str]) -> Iterator[Path]:
    seen: set[Path] = set()
    for directory in filter(None, env.get("PATH", "").split(":")):
        found = shutil.which("python3", path=directory)
        if found and Path(found) not in seen:
            seen.add(Path(found))
            yield Path(found)


def _facts(python: Path, env: Mapping[str, str]) -> Facts:
    """Ask ``python`` what it is. Raises InterpreterError with its last line where it cannot import torch."""
    done = process.run([python, "-I", "-c", _FACTS], env=env, timeout=_POLICY)
    try:
        if done.ok:
            return Facts(**json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, TypeError, IndexError):
        pass
    raise InterpreterError(
        f"{python} cannot import torch",
        why=(done.stderr.strip().splitlines() or ["no answer"])[-1:],
        remedy="Name an interpreter that has torch with --python PATH.",
    )


def _make(command: list[str | Path], env: Mapping[str, str]) -> None:
    done = process.run(command, env=env)
    if not done.ok:
        raise InstallError(
            "the wheel could not be installed into a clean environment",
            why=[line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-6:],
            remedy="Read why above; `nox -s audit -- WHEEL` says what is wrong with the file itself.",
        )
