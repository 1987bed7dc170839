"""The environment a cell is built in: its Python, the exact torch, the build tools; made once, kept.

One environment serves every cell of the same torch build and Python, so torch is installed once for all
of them. Where ``factory/data/locks`` holds a lock file for the torch build, every file is checked against
its hash there; else against the hash its index states.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.data import DATA
from factory.environment import fetches, interpreter
from factory.environment.requirements import lock_name, tool_requirements, torch_requirement
from factory.errors import DiskFullError, EnvironmentInstallError, UnreachableError
from factory.matrix.model import Torch, TorchBuild
from factory.session import Session
from factory.system.cache import made_once
from factory.versions import cuda_token, python_tag

# virtualenv gives an interpreter this many seconds to say what it is; its own limit is too short for a machine
# that compiles at the same time.
_PATIENT = {"PY_DISCOVERY_TIMEOUT": "120"}
_PLAIN = {"NO_COLOR": "1"}  # their lines are read
# glibc 2.MINOR of the wheels that are taken for another machine: torch's own floor, and the oldest there is a tag for.
_NEWEST_GLIBC, _OLDEST_GLIBC = 28, 17
_NETWORK_SIGNS = ("Connection", "Temporary failure", "timed out", "error sending request", "dns error", "Max retries")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A virtual environment with torch in it."""

    root: Path
    site_packages: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.root / "bin" / "python"

    @property
    def torch(self) -> Path:
        """The installed torch package's directory."""
        return self.site_packages / "torch"

    @property
    def cuda_includes(self) -> tuple[Path, ...]:
        """Header directories of the CUDA libraries torch brought along (cuBLAS, cuSPARSE and so on)."""
        return tuple(sorted((self.site_packages / "nvidia").glob("*/include")))


class Installer:
    """What makes environments under ``cache`` with interpreters that ``interpreter`` finds or fetches."""

    def __init__(
        self,
        *,
        cache: Path,
        env: Mapping[str, str],
        interpreter: Callable[[str], Path],
        say: Callable[[str], None],
    ) -> None:
        self._cache = cache
        self._locks = DATA / "locks"
        self._env = dict(env)
        self._interpreter = interpreter
        self._say = say

    def have_python(self, torch: Torch, build: TorchBuild, python: str) -> None:
        """Have the interpreter that ``prepare`` is going to need, before anything big is fetched.

        Raises what ``interpreter`` raises.
        """
        if not self.place(torch, build, python).is_dir():
            self._interpreter(python)

    def prepare(self, torch: Torch, build: TorchBuild, python: str) -> Environment:
        """Return the environment for ``build`` of ``torch`` on ``python`` (``3.10``), installing it if it is not there.

        Raises UnreachableError, DiskFullError, EnvironmentInstallError, and what ``interpreter`` raises.
        """
        lock = self._locks / lock_name(torch, build)
        groups = self._groups(torch, build)
        root = self.place(torch, build, python)
        if not root.is_dir():
            base = self._interpreter(python)
            self._say(f"installing torch {torch.release}, CUDA {build.cuda}, for Python {python}: once, some gigabytes")
            if not lock.is_file():
                self._say(f"no lock file {lock.name}: files are checked against the hashes their index states")
            made_once(root, lambda target: self._make(target, groups, base))
        return Environment(root=root, site_packages=root / "lib" / f"python{python}" / "site-packages")

    def place(self, torch: Torch, build: TorchBuild, python: str) -> Path:
        """Return where the environment for ``build`` of ``torch`` on ``python`` (``3.10``) is, or will be."""
        name = f"torch{torch.release}-{cuda_token(build.cuda)}-{python_tag(python)}"
        return self._cache / "environments" / f"{name}-{_digest(self._groups(torch, build))}"

    def install(self, python: Path, torch: Torch, build: TorchBuild) -> None:
        """Install ``build`` of ``torch`` and the build tools into the interpreter ``python``, which has pip.

        Raises UnreachableError, DiskFullError or EnvironmentInstallError.
        """
        with tempfile.TemporaryDirectory() as directory:
            self._add(self._installer(python), self._groups(torch, build), Path(directory))

    def lay_out(self, pip: Path, into: Path, requirements: str, *, python: str, machine: str) -> None:
        """Unpack the wheels that ``requirements`` name, for another ``machine`` and its ``python``, into ``into``.

        The interpreter ``pip`` has pip. Raises UnreachableError, DiskFullError or EnvironmentInstallError.
        """
        installer = [*self._installer(pip), *_elsewhere(python, machine, uv=bool(self._uv())), "--target", into]
        hashed = ("--require-hashes",) if "--hash=" in requirements else ()
        listed = into.with_name(f"{into.name}.txt")
        listed.write_text(requirements)
        try:
            self._run([*installer, "--no-deps", *hashed, "-r", listed])
        finally:
            listed.unlink()

    def lock(self, python: Path, name: str) -> None:
        """Install the lock file ``name`` into the interpreter ``python``.

        Raises UnreachableError, DiskFullError or EnvironmentInstallError.
        """
        with tempfile.TemporaryDirectory() as directory:
            self._add(self._installer(python), _locked(self._locks / name), Path(directory))

    def _groups(self, torch: Torch, build: TorchBuild) -> tuple[_Group, ...]:
        lock = self._locks / lock_name(torch, build)
        return _locked(lock) if lock.is_file() else _unlocked(torch, build)

    def tool(self, target: Path, lock: str) -> None:
        """Make ``target`` an environment, on the Python that runs this, with what the lock file ``lock`` lists.

        Raises UnreachableError, DiskFullError or EnvironmentInstallError.
        """
        self._virtualenv(target, Path(sys.executable))
        self._add(self._told(target), _locked(self._locks / lock), target)

    def _make(self, target: Path, groups: Sequence[_Group], python: Path) -> None:
        """Build the environment in ``target``; renaming it breaks only its scripts, which nobody calls."""
        self._virtualenv(target, python)
        self._add(self._told(target), groups, target)

    def _virtualenv(self, target: Path, python: Path) -> None:
        self._run([sys.executable, "-m", "virtualenv", "--quiet", "--no-periodic-update", "-p", python, target])

    def _add(self, install: Sequence[str | Path], groups: Sequence[_Group], lists: Path) -> None:
        for number, group in enumerate(groups):
            listed = lists / f"requirements-{number}.txt"
            listed.write_text(group.requirements)
            self._run([*install, *group.options, "-r", listed])

    def _installer(self, python: Path) -> list[str | Path]:
        if uv := self._uv():
            return [uv, "pip", "install", "--python", python]
        # -I: what the caller's PYTHONPATH holds must not pass for installed.
        return [python, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]

    def _told(self, target: Path) -> list[str | Path]:
        """Return what installs into the environment ``target``, made here, with a pip that is new enough for it."""
        return [*self._installer(target / "bin" / "python"), *(() if self._uv() else fetches.BYTES)]

    def _uv(self) -> str | None:
        # Not find_uv's: mirrors are configured for pip, and a uv that only came with nox was never told of them.
        return shutil.which("uv", path=self._env.get("PATH"))

    def _run(self, command: Sequence[str | Path]) -> None:
        done = fetches.run(command, env=self._env | _PATIENT | _PLAIN, say=self._say)
        if done.ok:
            return
        why = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-12:]
        text = "\n".join(why)
        if "No space left on device" in text:
            raise DiskFullError(
                f"the disk of {self._cache} is full", why=why, remedy="Free about 8 GB and run it again."
            )
        if any(sign in text for sign in _NETWORK_SIGNS):
            raise UnreachableError(
                "a package index did not answer",
                why=why,
                remedy="Check the network, a proxy or pip's index-url, and run the same command again.",
            )
        raise EnvironmentInstallError(
            "torch and the build tools could not be installed",
            why=[" ".join(map(str, command)), *why],
            remedy="Check that the index has these versions for this Python, and run the same command again.",
        )


def installer(session: Session) -> Installer:
    """Return what makes environments in the cache of ``session``, with interpreters found or fetched."""
    return Installer(
        cache=session.cache,
        env=session.env,
        interpreter=lambda version: interpreter.provide(version, session.env, session.log.say),
        say=session.log.say,
    )


def _elsewhere(python: str, machine: str, *, uv: bool) -> tuple[str, ...]:
    """Return what has pip, or ``uv``, choose wheels for another ``machine``, up to the newest glibc they may need."""
    if uv:
        return ("--python-platform", f"{machine}-manylinux_2_{_NEWEST_GLIBC}", "--only-binary", ":all:")
    floors = [f"manylinux_2_{minor}_{machine}" for minor in range(_NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1)]
    platforms = [word for tag in (*floors, f"manylinux2014_{machine}") for word in ("--platform", tag)]
    return (*platforms, "--python-version", python, "--implementation", "cp", "--only-binary", ":all:", "--no-compile")


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Requirements installed by one command."""

    requirements: str
    options: tuple[str, ...]


def _locked(lock: Path) -> tuple[_Group, ...]:
    return (_Group(requirements=lock.read_text(), options=("--require-hashes", "--no-deps")),)


def _unlocked(torch: Torch, build: TorchBuild) -> tuple[_Group, ...]:
    """The guide's order: torch from its own index first, then the tools from the ordinary one."""
    index = ("--index-url", build.index_url) if build.index_url else ()
    return (
        _Group(requirements=torch_requirement(torch) + "\n", options=index),
        _Group(requirements="\n".join(tool_requirements(torch)) + "\n", options=()),
    )


def _digest(groups: Sequence[_Group]) -> str:
    return hashlib.sha256(repr(groups).encode()).hexdigest()[:12]
