"""CUDA components from the Python package index this machine is configured with, through pip or uv."""

from __future__ import annotations

import errno
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from factory.errors import DigestError, DiskFullError, FactoryError, UnreachableError
from factory.system import process
from factory.system.uv import find_uv
from factory.system.uvconfig import Told, told
from factory.toolkit.pins import Package
from factory.toolkit.source import Errand, megabytes

_STRICT = ("--no-deps", "--require-hashes", "--only-binary", ":all:")


def fetch(
    packages: Sequence[Package],
    errand: Errand,
    *,
    installer: Callable[[Mapping[str, str]], Sequence[str]] | None = None,
) -> Mapping[str, Path]:
    """Download ``packages`` and return the one tree of all, by name (``factory.toolkit.source.Source``).

    ``installer`` takes the environment and returns the start of an install command; ``choose`` is the usual one.
    Raises UnreachableError where the index does not give them, DigestError where it gives another file, and
    DiskFullError.
    """
    for package in packages:
        errand.say(f"  {package.name} {package.version} ({megabytes(package.size)}) from the package index")
    tree, wanted = errand.trees / "index", errand.trees / "requirements.txt"
    wanted.write_text("".join(f"{p.name}=={p.version} --hash=sha256:{p.sha256}\n" for p in packages))
    done = process.run(
        [*(installer or choose)(errand.env), "--target", tree, *_STRICT, "-r", wanted],
        env={**errand.env, **_told(errand.env).env, "PIP_USER": "0"},  # a configured "user" would contradict the target
        timeout=3600,
    )
    if not done.ok:
        raise _failure(done.stderr)
    return {package.name: tree for package in packages}


def choose(env: Mapping[str, str]) -> Sequence[str]:
    """Return the command that asks the index: pip's where pip is, since mirrors are configured for pip, else uv's.

    Raises UnreachableError where neither is there.
    """
    if importlib.util.find_spec("pip"):
        return with_pip(sys.executable)
    if uv := find_uv(env):
        return (*with_uv(str(uv)), *_told(env).options)
    raise UnreachableError(
        "neither pip nor uv is here to ask the package index",
        why=(f"{sys.executable} has no pip, and there is no uv on PATH",),
        remedy=f"{sys.executable} -m ensurepip",
    )


def _told(env: Mapping[str, str]) -> Told:
    """Return what tells uv of pip's mirrors; where it has no word for them, uv tries with what it knows."""
    return told(env) or Told()


def with_pip(python: str) -> Sequence[str]:
    """Return the start of an install command of that interpreter's pip; 15 seconds of silence end an attempt."""
    quiet = ("--quiet", "--no-input", "--disable-pip-version-check", "--no-compile")
    return (python, "-m", "pip", "install", *quiet, "--timeout", "15", "--retries", "2")


def with_uv(uv: str) -> Sequence[str]:
    """Return the start of an install command of uv; copies, so that nothing shares bytes with its cache."""
    return (uv, "pip", "install", "--quiet", "--link-mode", "copy", "--python", sys.executable)


def _failure(stderr: str) -> FactoryError:
    why = [line.strip() for line in stderr.splitlines() if line.strip() and not line.startswith("WARNING")][-6:]
    if "DO NOT MATCH THE HASHES" in stderr or "Hash mismatch" in stderr:
        return DigestError("the package index gave another file than the pinned one", why=why, remedy="Try again.")
    if os.strerror(errno.ENOSPC) in stderr:
        return DiskFullError("the disk is full", why=why, remedy="Free space, or choose another cache directory.")
    return UnreachableError(
        "the package index did not give the CUDA packages", why=why, remedy="Look at the index pip or uv is set to."
    )
