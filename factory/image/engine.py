"""The container engine of this machine: Docker or Podman, whichever answers, and why one does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.errors import EngineError
from factory.platforms import platforms
from factory.system import process
from factory.system.environ import inherited
from factory.system.process import Completed

# What the engines' own documentation lists: where their configuration, daemon, storage and sessions are.
_VARIABLES = (
    "CONTAINERS_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINER_HOST",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "REGISTRY_AUTH_FILE",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
)
_ANSWER = 20.0  # seconds an engine has to say what it is
# What engines say of themselves when they do not work, and what is to be done: first match counts.
_TROUBLES = (
    ("permission denied", "you may not use it", "Add yourself to its group (docker: sudo usermod -aG docker $USER)."),
    ("cannot connect to the docker daemon", "no daemon answers", "Start it: sudo systemctl start docker"),
    ("is the docker daemon running", "no daemon answers", "Start it: sudo systemctl start docker"),
    ("cannot connect to podman", "no service answers", "Start it: podman machine start"),
    (
        "newuidmap",
        "users have no ids to map",
        "Install uidmap and give your user ranges in /etc/subuid and /etc/subgid.",
    ),
    ("user's homedir", "there is no home directory for it", "Type: export HOME=... with a directory of yours."),
    ("no end within", "it does not answer", "Restart its service."),
)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that answered. ``rootless`` says that root of a container is the user who calls.

    ``architecture`` is as images spell it, ``amd64``.
    """

    name: str
    path: Path
    version: str
    rootless: bool
    architecture: str
    env: Mapping[str, str]

    def run(self, *words: str | Path, timeout: float | None = None) -> Completed:
        """Run the engine with ``words`` to its end and return what it printed, and its status.

        The status is 124 where it took longer than ``timeout`` seconds; nothing is raised.
        """
        return process.run([self.path, *words], env=self.env, timeout=timeout)

    def __str__(self) -> str:
        """Return which it is: ``podman 4.3.1, rootless``."""
        return f"{self.name} {self.version}{', rootless' if self.rootless else ''}"


def find(env: Mapping[str, str]) -> Engine:
    """Return the first engine that answers, Docker before Podman.

    Raises EngineError with what each said.
    """
    reasons: list[str] = []
    remedies: list[str] = []
    for name, read in (("docker", _docker), ("podman", _podman)):
        path = shutil.which(name, path=env.get("PATH"))
        if path is None:
            reasons.append(f"{name} is not installed")
            continue
        mine = engine_env(env)
        answer = process.run([path, "info", "--format", "{{json .}}"], env=mine, timeout=_ANSWER)
        told = _json(answer.stdout)
        if answer.ok and (found := read(told)):
            version, rootless, architecture = found
            return Engine(
                name=name, path=Path(path), version=version, rootless=rootless, architecture=architecture, env=mine
            )
        what, remedy = trouble(answer, told)
        reasons.append(f"{name}: {what}")
        remedies.append(remedy)
    raise EngineError(
        "no container engine answers",
        why=reasons,
        remedy="\n".join([*remedies[:1], "Or build on this machine itself: --backend host"]),
    )


def engine_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return what of ``env`` an engine may see: what a build may, and where the engine's own things are."""
    return inherited(env) | {name: env[name] for name in _VARIABLES if name in env}


def trouble(answer: Completed, told: Mapping[str, Any]) -> tuple[str, str]:
    """Return in a few words why an engine did not answer, and what to do.

    ``told`` is what it printed as JSON; of Docker that has ``ServerErrors`` where its daemon is not reached.
    """
    errors: Sequence[str] = told.get("ServerErrors") or answer.stderr.strip().splitlines()
    text = " ".join(errors).lower()
    for sign, what, remedy in _TROUBLES:
        if sign in text:
            return f"{what} ({errors[-1].strip()})", remedy
    return (errors[-1].strip() if errors else f"status {answer.status}"), "Mend it."


def _docker(told: Mapping[str, Any]) -> tuple[str, bool, str] | None:
    """Read Docker's description of its daemon; None where no daemon stands behind it."""
    if not told.get("ServerVersion"):
        return None
    rootless = any("rootless" in option for option in told.get("SecurityOptions") or ())
    return told["ServerVersion"], rootless, _ARCHITECTURES.get(told["Architecture"], told["Architecture"])


def _podman(told: Mapping[str, Any]) -> tuple[str, bool, str] | None:
    host = told.get("host", {})
    if "version" not in told:
        return None
    return told["version"]["Version"], bool(host["security"]["rootless"]), str(host["arch"])


# Docker's daemon gives the kernel's name, images have Go's.
_ARCHITECTURES = {row.name: row.image for row in platforms().values()}


def _json(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}
