"""Write the lock files: every file of an environment with its sha256.

One for each torch build on the default index, those of the tools that containers are built with, and those of the
project's own pages and releases. Needs uv, and the package index to be reachable. Builds that only PyTorch's own index
serves get no lock: their files are checked against the hashes that index states.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement

from factory.environment import cibuildwheel
from factory.environment.requirements import lock_name, tool_requirements, torch_requirement
from factory.errors import UnreachableError
from factory.matrix.model import Matrix
from factory.platforms import platforms, usual
from factory.system import cooldown, process
from factory.system.uv import find_uv
from factory.versions import python_key

_PROJECT = "flash-attn-wheel-factory"
_OURS = "3.11"  # requires-python of the project


@dataclass(frozen=True, kw_only=True)
class _Lock:
    """What a lock file is for: requirements, the oldest Python, the machines."""

    lines: tuple[str, ...]
    python: str
    machines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is locked: the environments of ``matrix``, and those of the project's dependency ``groups``, by name.

    Of the groups ``docs`` and ``release`` have a lock: what is made with them is published.
    """

    matrix: Matrix
    groups: Mapping[str, Iterable[str]]


def lock(
    wanted: Wanted,
    *,
    locks: Path,
    env: Mapping[str, str],
    say: Callable[[str], None],
    days: int = cooldown.DAYS,
) -> None:
    """Write one lock file per torch build that the default index serves and one per tool and group, in ``locks``.

    ``days`` is how long the index must have had a file; what is newer is passed over.

    Raises UnreachableError with uv's own words when one cannot be resolved.
    """
    locks.mkdir(parents=True, exist_ok=True)
    for name, one in {**_tools(wanted.matrix), **_groups(wanted.groups), **_torches(wanted.matrix)}.items():
        say(f"locking {name}")
        (locks / name).write_text(_resolve(name, one, env, days))


def _torches(matrix: Matrix) -> dict[str, _Lock]:
    """Return what is wanted of each lock file, by its name."""
    return {
        lock_name(torch, build): _Lock(
            lines=(torch_requirement(torch), *tool_requirements(torch)),
            python=_oldest(build.pythons),
            machines=build.machines,
        )
        for torch in matrix.torch.values()
        for build in torch.builds
        if build.index_url is None
    }


def _tools(matrix: Matrix) -> dict[str, _Lock]:
    """Return what runs beside a build: nox, cibuildwheel outside, the factory and the tests' virtualenv inside."""
    releases = sorted(set(matrix.cibuildwheel.values()))
    wanted = {
        **{cibuildwheel.lock_name(release): ((f"cibuildwheel=={release}",), _OURS) for release in releases},
        "factory.txt": (tuple(requires(_PROJECT) or ()), _OURS),
        "nox.txt": (("nox", "uv"), _OURS),
        "virtualenv.txt": (("virtualenv",), _oldest(matrix.cibuildwheel)),
    }
    machines = tuple(platforms())
    return {name: _Lock(lines=lines, python=python, machines=machines) for name, (lines, python) in wanted.items()}


def _groups(groups: Mapping[str, Iterable[str]]) -> dict[str, _Lock]:
    """Return what pages are made with, which import the project, and releases, which do not.

    The workflows that make them run on the first machine.
    """
    own = tuple(requires(_PROJECT) or ())
    wanted = {"docs.txt": (*own, *groups["docs"]), "release.txt": tuple(groups["release"])}
    return {name: _Lock(lines=lines, python=_OURS, machines=(usual(),)) for name, lines in wanted.items()}


def _oldest(pythons: Iterable[str]) -> str:
    return min(pythons, key=python_key)


def _resolve(name: str, wanted: _Lock, env: Mapping[str, str], days: int) -> str:
    with tempfile.TemporaryDirectory() as directory:
        listed = Path(directory) / "wanted.txt"
        locked = Path(directory) / "locked.txt"
        listed.write_text("".join(f"{_on_linux(line, wanted.machines)}\n" for line in wanted.lines))
        done = process.run(
            [
                *(find_uv(env) or "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"),
                *("--no-header", "--no-annotate", "--no-emit-index-url", "--python-version", wanted.python),
                *(("--exclude-newer", f"{days} days") if days else ()),
                *("--output-file", locked, listed),
            ],
            env=env,
            timeout=300,
        )
        if not done.ok:
            raise UnreachableError(
                f"{name} could not be resolved",
                why=done.stderr.strip().splitlines()[-5:],
                remedy=(
                    "Check that uv is installed and the package index reachable, then: nox -s lock. What is newer than "
                    f"{days} days, or on an index that does not say when it came, takes: nox -s lock -- --cooldown 0"
                ),
            )
        return locked.read_text()


def _on_linux(line: str, machines: Iterable[str]) -> str:
    requirement = Requirement(line)
    named = " or ".join(f"platform_machine == '{machine}'" for machine in machines)
    linux = f"sys_platform == 'linux' and ({named})"
    mine = f"({requirement.marker}) and {linux}" if requirement.marker else linux
    requirement.marker = Marker(mine)
    return str(requirement)
