"""cibuildwheel, each release in an environment of its own in the cache, every file of it checked by hash."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from factory.environment.environment import Installer
from factory.system.cache import made_once


def lock_name(release: str) -> str:
    """Return the name of the lock file of a ``release`` (``4.3.5``) of cibuildwheel."""
    return f"cibuildwheel-{release}.txt"


def find(release: str, *, cache: Path, installer: Installer, say: Callable[[str], None]) -> Path:
    """Return the interpreter that has ``release`` (``4.3.5``), installing it if it is not there.

    Raises UnreachableError, DiskFullError or EnvironmentInstallError.
    """
    home = cache / "tools" / f"cibuildwheel-{release}-{sys.version_info.major}.{sys.version_info.minor}"
    if not home.is_dir():
        say(f"installing cibuildwheel {release}")
    made_once(home, lambda target: installer.tool(target, lock_name(release)))
    return home / "bin" / "python"
