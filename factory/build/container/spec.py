"""A cell to all that cibuildwheel is told: image, engine, steps, environment. Nothing of the caller's leaks in.

Inside the container ``/project`` holds what cibuildwheel copies there (the directory it is started in) and
``/factory`` what is mounted or made. Every step calls ``python -m factory.build.container.inside``, which does there
what the host does here, with the same modules.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from factory.build.recipe import PIP_OPTIONS, BuildPaths, variables
from factory.matrix.model import Cell, Image
from factory.versions import python_tag, python_tags

PROJECT = Path("/project")
CACHE = Path("/factory/cache")
# Parts of the cache: those that a container adds to, and those that it only reads.
SHARED = ("pool", "logs", "pip", "toolkits")
READ = ("sdists", "sources")
_BUNDLE = Path("/factory/ca-certificates.crt")
_LABEL = "flash-attn-wheel-factory"
# What tells programs in a container how to reach a network. Only the names stand in a configuration, which is
# printed: the engine takes the values, which may hold passwords, from its own environment.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True, kw_only=True)
class ContainerJob:
    """What the steps inside are told: the cell as ``factory.matrix.selector`` reads it, and the limits of compiles.

    ``run`` is this build's own name; ``archs`` are spelled as in ``matrix.yaml``; ``memory`` is in bytes, None for what
    is free there; ``shard`` is a share of the kernels, None for all; ``minutes`` are what compiles may take.
    """

    run: str
    tokens: tuple[str, ...]
    profile: str
    archs: tuple[str, ...]
    jobs: int
    memory: int | None
    shard: str | None = None
    minutes: float | None = None

    @classmethod
    def of(cls, cell: Cell, *, run: str, jobs: int, memory: int | None) -> ContainerJob:
        """Return the job that builds ``cell``; ``memory`` is in bytes."""
        archs = tuple(map(str, cell.archs))
        return cls(run=run, tokens=tuple(cell.id.split()), profile=cell.profile, archs=archs, jobs=jobs, memory=memory)

    def limited(self, *, shard: str | None, minutes: float | None) -> ContainerJob:
        """Return the same job for a share of the kernels, or with little time."""
        return replace(self, shard=shard, minutes=minutes)

    def to_json(self) -> str:
        """Return what ``from_json`` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ContainerJob:
        """Return the job that ``to_json`` wrote. Raises ValueError or TypeError for anything else."""
        told = json.loads(text)
        return cls(**told | {"tokens": tuple(told["tokens"]), "archs": tuple(told["archs"])})


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A file or directory of this machine and where it stands in the container."""

    source: Path
    target: Path
    writable: bool = False

    def __str__(self) -> str:
        """Spell it for ``--mount``, which Docker and Podman both read as CSV."""
        words = ["type=bind", f"source={self.source}", f"target={self.target}"]
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(words if self.writable else [*words, "readonly"])
        return line.getvalue()


def paths(cell: Cell) -> BuildPaths:
    """Return where the wheel step of ``cell`` finds its things inside."""
    home = Path(f"/opt/python/{python_tags(cell.python)}")
    return BuildPaths(
        source=PROJECT / "source",
        workdir=Path("/factory/workdir"),
        python=home / "bin" / "python",
        site_packages=home / "lib" / f"python{cell.python}" / "site-packages",
        cuda_home=Path("/factory/cuda"),
    )


def identifier(cell: Cell) -> str:
    """Return cibuildwheel's name of the cell's Python: ``cp310-manylinux_x86_64``."""
    return f"{python_tag(cell.python)}-manylinux_{cell.machine}"


def label(run: str) -> str:
    """Return the label that the container of a build carries, for it to be found again."""
    return f"{_LABEL}={run}"


def place(workspace: Path) -> str:
    """Return the label by which a container is found again whose build was killed."""
    return f"{_LABEL}.workspace={workspace}"


def mounts(cache: Path, *, bundle: Path | None = None, pip_configuration: Path | None = None) -> tuple[Mount, ...]:
    """Return what a container sees of this machine: parts of the cache, the CA bundle, pip's configuration."""
    shared = (Mount(source=cache / name, target=CACHE / name, writable=True) for name in SHARED)
    read = (Mount(source=cache / name, target=CACHE / name) for name in READ)
    files = ((bundle, _BUNDLE), (pip_configuration, Path("/etc/pip.conf")))
    return (*shared, *read, *(Mount(source=source, target=target) for source, target in files if source))


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What this machine gives a build: the ``engine`` (docker or podman), what is mounted, the names of its proxies'
    variables, the most compiles at once, this build's own name, and its ``workspace``, which no other has meanwhile.
    """

    engine: str
    mounts: tuple[Mount, ...]
    proxies: tuple[str, ...]
    jobs: int
    run: str
    workspace: Path


def configuration(cell: Cell, image: Image, outside: Outside) -> dict[str, Any]:
    """Return the content of cibuildwheel's configuration file.

    Source of the keys: https://cibuildwheel.pypa.io/en/stable/options/
    """
    environment = {**variables(cell, paths(cell), jobs=outside.jobs), **_environment(outside)}
    return {
        "tool": {
            "cibuildwheel": {
                f"manylinux-{cell.machine}-image": image.reference,
                "container-engine": {
                    "name": outside.engine,
                    "create-args": list(_arguments(outside)),
                    "disable-host-mount": True,
                },
                "build-frontend": {"name": "pip", "args": list(PIP_OPTIONS)},
                "dependency-versions": "latest",  # what it would fetch, virtualenv, is there already, by hash
                "environment": environment,
                "before-all": _line("kernels"),
                "before-build": _line("setup"),
                "repair-wheel-command": "",  # torch and CUDA libraries stay out; the audit states the platform
                "before-test": _line("environment"),
                "test-command": _line("test"),
            }
        }
    }


def waiting(image: Image, outside: Outside, project: Path) -> tuple[str, ...]:
    """Return the engine's words that start a container of ``image`` which waits for its steps; it prints its name."""
    mount = Mount(source=project, target=PROJECT)
    env = (f"--env={name}={value}" for name, value in _environment(outside).items())
    words = ("run", "--detach", "--rm", "--pull=never", *_arguments(outside), *env, f"--mount={mount}")
    return *words, image.reference, "sleep", "infinity"


def step(name: str) -> tuple[str, ...]:
    """Return the command that runs a step inside."""
    return "sh", str(PROJECT / "factory" / "data" / "inside.sh"), name


def _line(name: str) -> str:
    return " ".join(step(name))


def _arguments(outside: Outside) -> tuple[str, ...]:
    """Return what the engine is told of every container."""
    return (
        f"--label={label(outside.run)}",
        f"--label={place(outside.workspace)}",
        "--security-opt=label=disable",  # else SELinux keeps mounted directories from the container
        *(f"--env={name}" for name in outside.proxies),
        *(f"--mount={mount}" for mount in outside.mounts),
    )


def _environment(outside: Outside) -> dict[str, str]:
    """Return the variables of every container."""
    bundled = any(mount.target == _BUNDLE for mount in outside.mounts)
    return {
        "FACTORY_CACHE": str(CACHE),
        "PIP_CACHE_DIR": str(CACHE / "pip"),
        **(dict.fromkeys(("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(_BUNDLE)) if bundled else {}),
    }


def command(python: Path, cell: Cell, *, configuration: Path, output: Path, package: Path) -> tuple[str, ...]:
    """Return the call of cibuildwheel that makes the wheel of ``cell`` and puts it into ``output``."""
    where = ("--config-file", str(configuration), "--output-dir", str(output))
    return (str(python), "-I", "-m", "cibuildwheel", "--only", identifier(cell), *where, str(package))


def own_variables(cell: Cell) -> frozenset[str]:
    """Return the names of the variables that are meant for the wheel step alone, not for what prepares it."""
    return frozenset(variables(cell, paths(cell), jobs=1))
