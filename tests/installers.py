"""The real pip and the real uv, each with an environment of its own."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from factory.system import process
from factory.system.process import Completed

_INSTALLED = """
import importlib.metadata
print(*("%s==%s" % (one.metadata["Name"], one.version) for one in importlib.metadata.distributions()))
"""
_TRIED = "import flash_attn"
_OWN = {"pip", "setuptools", "wheel"}


@dataclass(frozen=True)
class Client:
    """An installer with the environment ``home``, without a cache, asking no other index than those it is told of.

    ``default`` is what stands in the place of the package index everyone uses; where it is empty there is none.
    """

    name: str
    home: Path
    default: str = ""

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"

    def install(self, *words: str, index: str = "") -> Completed:
        pip: list[Path | str] = [self.python, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check"]
        uv: list[Path | str] = [
            Path(sys.executable).with_name("uv"),
            *("pip", "install", "--no-cache", "--python", self.python),
        ]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}
        where = ["--index-url", index] if index else []
        if self.default and not index:
            env |= {"PIP_INDEX_URL": self.default, "UV_DEFAULT_INDEX": self.default}
        elif not index:
            where = ["--no-index"]
        return process.run([*(uv if self.name == "uv" else pip), *where, *words], env=env)

    def clear(self, *kept: str) -> None:
        """Remove every package but the installer's own and those that are ``kept``."""
        for info in self.home.glob("lib/python*/site-packages/*.dist-info"):
            name = info.name.split("-")[0]
            if name not in {*_OWN, *kept}:
                shutil.rmtree(info)
                shutil.rmtree(info.with_name(name), ignore_errors=True)

    @property
    def everything(self) -> dict[str, str]:
        """The version of each package that is installed, by its name."""
        told = process.run([self.python, "-I", "-c", _INSTALLED]).stdout.split()
        return {name: version for name, _, version in (one.partition("==") for one in told) if name not in _OWN}

    @property
    def installed(self) -> str:
        """The version of flash-attn that is installed, empty where none is."""
        return self.everything.get("flash_attn", "")

    def imports(self) -> Completed:
        """Import the flash-attn that is installed."""
        return process.run([self.python, "-I", "-c", _TRIED])
