"""The machine of one job: fresh folders, and an environment with only what GitHub would give."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from factory.system.cache import NAME, cache_root
from tests.rehearsal.commands import assignments

_LIMIT = 1 << 20  # bytes of a step's summary, and of a job's outputs
_TRACKING = "RUNNER_TRACKING_ID"
# How this machine reaches the package registries and its container engine; GitHub's have ways of their own.
_OURS = re.compile(
    r"(PIP|UV|NPM_CONFIG|CONTAINERS)_.+|DOCKER_HOST|XDG_RUNTIME_DIR"
    r"|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|.+_CA_BUNDLE|.+_CA_CERTS",
    re.IGNORECASE,
)
_ENGINE = (".config/containers", ".local/share/containers")  # Podman's, below the home of who is not root
# Large, made of what is fetched and checked by hash, and never changed: fetched once for all jobs. The kernel pool is
# not among them: on GitHub, too, it comes to a job only as artifact or cache.
_SHARED = ("toolkits", "environments", "pythons", "downloads", "pip", "tools", "npm", "actions-language")
# Signals and the seconds that each is given: ProcessInvoker.cs of https://github.com/actions/runner.
_CANCELLING = ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5), (signal.SIGKILL, 10.0))
_SHELLS = {"": ("-e",), "bash": ("--noprofile", "--norc", "-eo", "pipefail")}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a script ended: ``trouble`` is empty where it did well."""

    trouble: str
    outputs: dict[str, str]


@dataclass(kw_only=True)
class Machine:
    """``root`` holds the job's folders; ``programs`` come first on its PATH; ``log`` takes all output."""

    root: Path
    name: str
    programs: Path
    log: Path
    summary: Path
    github: Mapping[str, str]
    added: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    tracking: str = field(default_factory=lambda: f"github_{uuid.uuid4()}")

    def __post_init__(self) -> None:
        for folder in (self.home, self.workspace, self.temp, self.tools):
            folder.mkdir(parents=True)
        cache = self.home / ".cache" / NAME
        cache.mkdir(parents=True)
        for name in _SHARED:
            shared = cache_root(os.environ) / name
            shared.mkdir(parents=True, exist_ok=True)
            (cache / name).symlink_to(shared)
        for name in _ENGINE:
            (self.home / name).parent.mkdir(parents=True)
            if (Path.home() / name).is_dir():
                (self.home / name).symlink_to(Path.home() / name)

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def workspace(self) -> Path:
        return self.root / "work" / self.name / self.name

    @property
    def temp(self) -> Path:
        return self.root / "work" / "_temp"

    @property
    def tools(self) -> Path:
        return self.root / "tools"

    def environment(self) -> dict[str, str]:
        """Give what every step has before anything of the workflow is added."""
        ours = Path(sys.prefix)
        path = [one for one in os.environ["PATH"].split(":") if ours not in (Path(one), *Path(one).parents)]
        return {
            **{name: value for name, value in os.environ.items() if _OURS.fullmatch(name)},
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": ":".join([*reversed(self.paths), str(self.programs), *path]),
            "RUNNER_ARCH": "X64",
            "RUNNER_ENVIRONMENT": "self-hosted",
            "RUNNER_NAME": "rehearsal",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_TOOL_CACHE": str(self.tools),
            _TRACKING: self.tracking,
            **self.github,
            "GITHUB_WORKSPACE": str(self.workspace),
        }

    def say(self, line: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    def run(self, script: str, *, kind: str, directory: Path, env: Mapping[str, str], limit: float) -> Ended:
        """Run a script as GitHub's runner does, for at most ``limit`` seconds, and take what it tells GitHub."""
        files = self._files()
        text = self.temp / f"{uuid.uuid4()}.sh"
        text.write_text(script, encoding="utf-8")
        told = {f"GITHUB_{name}": str(path) for name, path in files.items()}
        words = ["bash", *_SHELLS[kind], str(text)]
        status = self._attend(words, cwd=directory, env={**env, **told}, limit=limit)
        trouble = "" if status == 0 else f"status {status}" if status else f"it took longer than {limit:.0f} s"
        try:
            return Ended(trouble=trouble or self._summarised(files["STEP_SUMMARY"]), outputs=self._told(files))
        except ValueError as error:
            return Ended(trouble=str(error), outputs={})

    def _attend(self, words: list[str], *, cwd: Path, env: Mapping[str, str], limit: float) -> int | None:
        """Run ``words`` to their end and give the status, None where that did not come within ``limit`` seconds."""
        with (
            self.log.open("ab") as log,
            subprocess.Popen(
                words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            ) as process,
        ):
            try:
                return process.wait(limit)
            except subprocess.TimeoutExpired:
                _cancel(process)
                return None
            except BaseException:
                _cancel(process)
                raise

    def _files(self) -> dict[str, Path]:
        folder = self.temp / "_runner_file_commands" / str(uuid.uuid4())
        folder.mkdir(parents=True)
        files = {name: folder / name.lower() for name in ("OUTPUT", "ENV", "PATH", "STATE", "STEP_SUMMARY")}
        for path in files.values():
            path.touch()
        return files

    def _told(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Take what a step wrote into its files; give its outputs. Raises ValueError as GitHub's runner does."""
        added = assignments(files["ENV"].read_text(encoding="utf-8"))
        for name in added:
            if name.startswith(("GITHUB_", "RUNNER_")) or name == "NODE_OPTIONS":
                msg = f"GITHUB_ENV may not set {name}"
                raise ValueError(msg)
        self.added |= added
        self.paths += files["PATH"].read_text(encoding="utf-8").split()
        return assignments(files["OUTPUT"].read_text(encoding="utf-8"))

    def _summarised(self, file: Path) -> str:
        content = file.read_bytes()
        if len(content) > _LIMIT:
            return f"its summary has {len(content)} bytes, and GitHub takes {_LIMIT}"
        with self.summary.open("ab") as summary:
            summary.write(content)
        return ""

    def end(self) -> None:
        """End what the job started and left behind, found as GitHub's runner finds it, and remove its folders."""
        for process in self._left():
            self.say(f"ending the process {process.pid} that was left behind")
            with contextlib.suppress(psutil.Error):
                process.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    def _left(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(_TRACKING) == self.tracking:
                    yield process


def _cancel(process: subprocess.Popen[bytes]) -> None:
    """End a step as GitHub's runner does: ask, ask again, kill."""
    for told, policy in _CANCELLING:
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, told)
            process.wait(policy)
            return
