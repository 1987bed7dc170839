"""Interpreters on this machine: one of a wanted version, wherever people keep them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from factory.core.errors import InterpreterError
from factory.edge import files, shell

_ASK = "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sysconfig.get_config_var('SOABI'))"


def find(version: str, env: Mapping[str, str]) -> Path:
    """Give a CPython of ``version`` (``3.10``) that runs: from PATH, pyenv or uv, in this order.

    Raises InterpreterError naming what was tried and how to get one.
    """
    tried: list[str] = []
    for candidate in _candidates(version, env):
        answer = shell.run([candidate, "-I", "-c", _ASK], env=env, timeout=30)
        words = answer.stdout.split()
        if answer.ok and words[:1] == [version] and words[-1].startswith(f"cpython-{version.replace('.', '')}-"):
            return candidate
        tried.append(f"{candidate}: {_first_line(answer.stdout) or _first_line(answer.stderr) or 'no answer'}")
    raise InterpreterError(
        f"no CPython {version} on this machine",
        why=[*tried, "looked on PATH, in pyenv's versions and asked uv"],
        remedy=f"Get one with `uv python install {version}`, `pyenv install {version}` or the system's packages.",
    )


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _candidates(version: str, env: Mapping[str, str]) -> Iterator[Path]:
    yield from _on_path(version, env)
    for root in _pyenv_roots(env):
        yield from reversed(files.matching(root / "versions", f"{version}.*/bin/python{version}"))
    uv = shutil.which("uv", path=env.get("PATH"))
    if uv:
        found = shell.run([uv, "python", "find", "--no-python-downloads", version], env=env, timeout=60)
        if found.ok:
            yield Path(found.stdout.strip())


def _on_path(version: str, env: Mapping[str, str]) -> Iterator[Path]:
    """Give ``pythonX.Y`` from PATH; pyenv's shims are left to the next step, which knows the real files."""
    for directory in env.get("PATH", "").split(":"):
        candidate = Path(directory) / f"python{version}"
        if Path(directory).name != "shims" and files.is_file(candidate):
            yield candidate


def _pyenv_roots(env: Mapping[str, str]) -> Iterator[Path]:
    if env.get("PYENV_ROOT"):
        yield Path(env["PYENV_ROOT"])
    for directory in env.get("PATH", "").split(":"):
        if Path(directory).name == "shims":
            yield Path(directory).parent
    yield Path(env.get("HOME", "/")) / ".pyenv"
