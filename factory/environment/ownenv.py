"""The one environment that all verbs run in: what it is made of, whether it still is, and the commands that make it.

noxfile.py reads this with nox's own Python, before anything is installed: standard library alone.
"""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from factory.platforms import own_machine, platforms
from factory.system.uvconfig import told

LOCK = Path("factory/data/locks/factory.txt")
_MADE_OF = (Path("pyproject.toml"), LOCK)
_STAMP = "made-of"
_LINK = "me.pth"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command, and what its environment has beside the caller's."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OwnEnvironment:
    """The environment in ``place`` for the clone at ``root``, made by ``base``: the path of a Python like this one."""

    root: Path
    place: Path
    base: str = sys.executable

    @property
    def scripts(self) -> Path:
        """Where its programs are."""
        return self.place / "bin"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.scripts / "python"

    def is_current(self) -> bool:
        """Return whether it is whole, and was made of what is in the clone now, by the same Python."""
        stamp = self.place / _STAMP
        return self.python.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == self._stamp()

    def steps(self, uv: str | None, env: Mapping[str, str]) -> tuple[Step, ...]:
        """Return the commands that make it anew: with ``uv``, unless what pip is told of mirrors cannot be said to it.

        What comes is checked by hash where the lock is for this platform; no build backend is fetched there either.
        Raises UsageError when one of pip's files cannot be read.
        """
        locked = ("--no-deps", "--require-hashes", "-r", str(LOCK))
        what = locked if sys.platform == "linux" and own_machine() in platforms() else ("-e", ".")
        mirrors = told(env)
        if uv is None or mirrors is None:
            make = (self.base, "-m", "virtualenv", "--quiet", "--no-periodic-update", "--clear", str(self.place))
            # -I: what the caller's PYTHONPATH holds must not pass for installed.
            install = (str(self.python), "-I", "-m", "pip", "install", "--quiet", *what)
            return Step(argv=make), Step(argv=install)
        make = (uv, "venv", "--quiet", "--clear", "--python", self.base, str(self.place))
        install = (uv, "pip", "install", "--quiet", "--python", str(self.python), *mirrors.options, *what)
        return Step(argv=make), Step(argv=install, env=mirrors.env)

    def finish(self) -> None:
        """Let it find the clone from anywhere, and note what it was made of. Raises OSError where it is not there."""
        names = {"base": str(self.place), "platbase": str(self.place)}
        packages = Path(sysconfig.get_path("purelib", "venv", names))
        (packages / _LINK).write_text(f"{self.root}\n", encoding="utf-8")
        (self.place / _STAMP).write_text(self._stamp(), encoding="utf-8")

    def _stamp(self) -> str:
        digest = hashlib.sha256()
        for path in _MADE_OF:
            digest.update((self.root / path).read_bytes())
        return f"{digest.hexdigest()} {sys.version} {self.base} {self.root}\n"
