"""Interpreters of a wanted version: those on this machine, wherever people keep them, and those that uv fetches.

Own code in place of python-discovery: that (1.9.6) finds only the versions that pyenv has active, runs every Python on
PATH, which takes ten times as long as those of one name, and says nothing of those it passes over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from factory.environment import fetchedpython
from factory.errors import InterpreterError, UnreachableError
from factory.system import files, process
from factory.system.uv import find_uv

_ASK = """
import os, sys, sysconfig
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print("%d.%d" % sys.version_info[:2] + free, sysconfig.get_config_var("SOABI"), end="")
header = os.path.join(sysconfig.get_path("include"), "Python.h")
print("" if os.path.isfile(header) else " without " + header + " (Debian: python%d.%d-dev)" % sys.version_info[:2])
"""


def find(version: str, env: Mapping[str, str]) -> Path:
    """Return a CPython of ``version`` (``3.10``, ``3.14t``) that runs: from PATH, pyenv, uv or the cache, in this
    order.

    One without the headers that an extension is compiled with is passed over. Looks only.
    Raises InterpreterError naming what was tried and how to get one.
    """
    tried: list[str] = []
    for candidate in _candidates(version, env):
        complaint = _complaint(candidate, version, env)
        if complaint is None:
            return candidate
        tried.append(complaint)
    raise InterpreterError(
        f"no CPython {version} on this machine",
        why=[*tried, "looked on PATH, in pyenv's versions, in uv's and in the cache"],
        remedy=f"Get one with `uv python install {version}`, `pyenv install {version}` or the system's packages.",
    )


def provide(version: str, env: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """Return what ``find`` gives, else have uv fetch a CPython of ``version`` into the cache, which ``say`` is told.

    Raises:
        InterpreterError: There is no uv to do it, or it may not, or has none that runs here.
        UnreachableError: uv does not reach what it fetches from.
        DigestError: What it fetched is another file.
        DiskFullError: The cache's disk is full.
        UsageError: There is no home directory to keep the cache in.
    """
    try:
        return find(version, env)
    except InterpreterError as error:
        tried = error.why
    uv = fetchedpython.fetcher(version, env, tried)
    try:
        made = fetchedpython.fetch(version, uv, env, say)
    except UnreachableError as error:  # what is here may need less than what is far away
        raise UnreachableError(error.what, why=[*error.why, *tried], remedy=error.remedy) from error
    complaint = _complaint(made, version, env)
    if complaint is not None:
        raise InterpreterError(
            f"the Python {version} that uv fetched does not run here",
            why=[complaint],
            remedy=f"Get another with `pyenv install {version}` or the system's packages.",
        )
    return made


def _complaint(candidate: Path, version: str, env: Mapping[str, str]) -> str | None:
    """Say what is wrong with ``candidate``, None where it is a CPython of ``version`` that can be built for."""
    answer = process.run([candidate, "-I", "-c", _ASK], env=env, timeout=30)
    words = answer.stdout.split()
    if answer.ok and words[:1] == [version] and words[-1].startswith(f"cpython-{version.replace('.', '')}-"):
        return None
    return f"{candidate}: {_first_line(answer.stdout) or _first_line(answer.stderr) or 'no answer'}"


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _candidates(version: str, env: Mapping[str, str]) -> Iterator[Path]:
    yield from _on_path(version, env)
    for root in _pyenv_roots(env):
        yield from reversed(files.matching(root / "versions", f"{version.removesuffix('t')}.*/bin/python{version}"))
    if uv := find_uv(env):
        found = process.run([uv, "python", "find", "--no-python-downloads", version], env=env, timeout=60)
        if found.ok:
            yield Path(found.stdout.strip())
    if kept := fetchedpython.kept(version, env):
        yield kept


def _on_path(version: str, env: Mapping[str, str]) -> Iterator[Path]:
    """Return ``pythonX.Y`` from PATH; pyenv's shims are left to the next step, which knows the real files."""
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
