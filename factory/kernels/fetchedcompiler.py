"""The g++ the factory brings where none of the machine's own fits: fetched once, without root, into the cache."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

from factory.errors import UnreachableError
from factory.kernels import compilerpin
from factory.kernels.compilerpin import CompilerPin
from factory.system import machine
from factory.system.cache import made_once
from factory.toolkit import debian
from factory.toolkit.source import Errand, megabytes
from factory.toolkit.store import take
from factory.versions import numbers


def pin() -> CompilerPin:
    """Return the one compiler that ``hostcompiler.yaml`` names. Raises pydantic's ValidationError as ``parse`` does."""
    return compilerpin.parse(resources.files("factory.data").joinpath("hostcompiler.yaml").read_text(encoding="utf-8"))


def obstacle(wanted: CompilerPin, env: Mapping[str, str]) -> str | None:
    """Return why ``wanted`` cannot be fetched and run on this machine, as far as that is seen without a network, else
    None.
    """
    glibc = machine.glibc()
    if numbers(glibc) < numbers(wanted.glibc):
        return f"{wanted.title} needs glibc {wanted.glibc}, this machine has {glibc or 'none'}"
    try:
        debian.mirrors_here(env)
    except UnreachableError as error:
        return f"{wanted.title} cannot be fetched: {error.what}"
    return None


def stored(wanted: CompilerPin, cache: Path) -> Path | None:
    """Return the program of one that an earlier run fetched, None where there is none."""
    program = _home(wanted, cache) / wanted.program
    return program if program.is_file() else None


def fetch(wanted: CompilerPin, cache: Path, env: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """Fetch ``wanted`` unless another process has done so meanwhile, and return its program.

    Raises UnreachableError, DigestError or SourceError.
    """
    home = _home(wanted, cache)

    def make(draft: Path) -> None:
        say(f"fetching {wanted.title} ({megabytes(wanted.size)})")
        trees, downloads = draft / "trees", cache / "downloads" / home.name
        trees.mkdir()
        downloads.mkdir(parents=True, exist_ok=True)
        unpacked = debian.fetch(wanted.packages, Errand(env=env, downloads=downloads, trees=trees, say=say))
        for package in wanted.packages:
            take(package, unpacked[package.name], draft)
        shutil.rmtree(trees)
        shutil.rmtree(downloads)

    return made_once(home, make) / wanted.program


def _home(wanted: CompilerPin, cache: Path) -> Path:
    return cache / "compilers" / wanted.directory
