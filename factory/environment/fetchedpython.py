"""Interpreters that uv fetched into the factory's cache, checked by the hashes that uv knows.

Each fetch has a directory of its own. A link beside them names the interpreter and is made last, so that what an
interrupted fetch left is never believed.
"""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from factory.errors import DigestError, DiskFullError, FactoryError, InterpreterError, UnreachableError, UsageError
from factory.system import files, process
from factory.system.cache import cache_root, locked
from factory.system.uv import find_uv

_FORBIDDING = ("manual", "never", "false")  # of UV_PYTHON_DOWNLOADS: nothing is to be fetched unasked
_NETWORK_SIGNS = ("Request failed", "Failed to download", "Failed to fetch", "no end within")
_PROGRESS = ("Downloading ", "Downloaded ")
_LIMIT = 3600  # seconds for some tens of megabytes


def kept(version: str, env: Mapping[str, str]) -> Path | None:
    """Return the CPython of ``version`` (``3.10``) that was fetched earlier, None where there is none."""
    try:
        link = _link(version, env)
    except UsageError:
        return None
    return link.resolve() if files.is_file(link) else None


def fetcher(version: str, env: Mapping[str, str], tried: Sequence[str]) -> Path:
    """Return the uv that may fetch CPython ``version``, which is not here as ``tried`` tells. Nothing is fetched.

    Raises InterpreterError where there is no uv, or the user forbade it by UV_PYTHON_DOWNLOADS.
    """
    uv, setting = find_uv(env), env.get("UV_PYTHON_DOWNLOADS", "")
    if uv is None:
        named = [f"the variable UV names {env['UV']}"] if env.get("UV") else []
        raise InterpreterError(
            f"no CPython {version} on this machine, and no uv to fetch it",
            why=[*tried, *named],
            remedy=f"Type: {shlex.join([sys.executable, '-m', 'pip', 'install', 'uv'])}",
        )
    if setting in _FORBIDDING:
        raise _forbidden(version, uv, [*tried, f"UV_PYTHON_DOWNLOADS={setting}"])
    return uv


def fetch(
    version: str, uv: Path, env: Mapping[str, str], say: Callable[[str], None], *, machine: str | None = None
) -> Path:
    """Return the CPython ``version`` (``3.10``) that ``uv`` fetches into the cache; ``say`` is told before.

    It is for this machine, or the one named by ``machine`` as ``uname -m`` says it.

    uv's own settings hold: mirrors, proxies, certificates. Of two processes one fetches, the other waits.
    Raises UnreachableError, DigestError, DiskFullError, UsageError, and InterpreterError for what else uv says.
    """
    label = version if machine is None else f"{machine}-{version}"
    link = _link(label, env)
    asked = version if machine is None else f"cpython-{version}-linux-{machine}-gnu"
    pythons = link.parent
    with locked(pythons / f".{link.name}.lock", lambda: say(f"another build is fetching Python {version}; waiting")):
        if not files.is_file(link):
            say(f"Python {version}{'' if machine is None else f' for {machine}'} is not on this machine: uv fetches it")
            for leftover in pythons.glob(f"{label}-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            home = Path(tempfile.mkdtemp(dir=pythons, prefix=f"{label}-"))
            try:
                _point(link, _install(version, asked, uv, env, home))
            except BaseException:
                shutil.rmtree(home, ignore_errors=True)
                raise
    return link.resolve()


def _link(version: str, env: Mapping[str, str]) -> Path:
    return cache_root(env) / "pythons" / f"python{version}"


def _install(version: str, asked: str, uv: Path, env: Mapping[str, str], home: Path) -> Path:
    policy = {"UV_HTTP_TIMEOUT": env.get("UV_REQUEST_TIMEOUT", "15"), "UV_HTTP_RETRIES": "2"}
    ours = {"UV_PYTHON_INSTALL_DIR": str(home), "UV_PYTHON_INSTALL_BIN": "0"}
    words = ("--color", "never", "python", "install", asked)
    done = process.run([uv, *words], env={**policy, **env, **ours}, timeout=_LIMIT)
    made = files.matching(home, f"cpython-{version.removesuffix('t')}.*/bin/python{version}")
    if done.ok and made:
        return made[0]
    raise _failure(version, uv, done)


def _point(link: Path, made: Path) -> None:
    """Have ``link`` lead to ``made``, in one step and in the place of a link to what is gone."""
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(made.relative_to(link.parent))
    new.replace(link)


def _failure(version: str, uv: Path, done: process.Completed) -> FactoryError:
    lines = map(str.strip, done.stderr.splitlines())
    said = [line for line in lines if line and not line.startswith(_PROGRESS)]
    text = "\n".join(said)
    if "Hash mismatch" in text:
        return DigestError(
            f"what uv fetched for Python {version} does not have the sha256 it must have",
            why=said,
            remedy="Run the same command again; if it stays, look at the mirror that uv is set to.",
        )
    if os.strerror(errno.ENOSPC) in text:
        return DiskFullError(
            f"the disk is full while uv fetches Python {version}", why=said, remedy="Free some space, then again."
        )
    if "downloads are not allowed" in text:
        return _forbidden(version, uv, said)
    if any(sign in text for sign in _NETWORK_SIGNS):
        return UnreachableError(
            f"uv could not fetch Python {version}",
            why=tuple(dict.fromkeys([*said[:3], *said[-1:]])),
            remedy=f"Type, where there is a network: {_by_hand(version, uv)}\nand run the same command again.",
        )
    return InterpreterError(
        f"uv has no Python {version}",
        why=said,
        remedy=f"Get one with a newer uv, `pyenv install {version}` or the system's packages.",
    )


def _forbidden(version: str, uv: Path, why: Sequence[str]) -> InterpreterError:
    return InterpreterError(
        f"no CPython {version} on this machine, and uv is not to fetch it unasked",
        why=why,
        remedy=f"Type: UV_PYTHON_DOWNLOADS=manual {_by_hand(version, uv)}",
    )


def _by_hand(version: str, uv: Path) -> str:
    return shlex.join([str(uv), "python", "install", version])
