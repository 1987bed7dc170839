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
from factory.system import cooldown, process
from factory.system.uv import find_uv
from factory.versions import python_key

_PROJECT = "flash-attn-wheel-factory"
_OURS = "3.11"  # requires-python of the project
_PLATFORM = "sys_platform == 'linux' and platform_machine == 'x86_64'"


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
    for name, (lines, python) in {**_tools(wanted.matrix), **_groups(wanted.groups), **_torches(wanted.matrix)}.items():
        say(f"locking {name}")
        (locks / name).write_text(_resolve(name, lines, python, env, days))


def _torches(matrix: Matrix) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return requirements and oldest Python by lock file."""
    return {
        lock_name(torch, build): ((torch_requirement(torch), *tool_requirements(torch)), _oldest(build.pythons))
        for torch in matrix.torch.values()
        for build in torch.builds
        if build.index_url is None
    }


def _tools(matrix: Matrix) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return what runs beside a build: nox, cibuildwheel outside, the factory and the tests' virtualenv inside."""
    releases = sorted(set(matrix.cibuildwheel.values()))
    return {
        **{cibuildwheel.lock_name(release): ((f"cibuildwheel=={release}",), _OURS) for release in releases},
        "factory.txt": (tuple(requires(_PROJECT) or ()), _OURS),
        "nox.txt": (("nox", "uv"), _OURS),
        "virtualenv.txt": (("virtualenv",), _oldest(matrix.cibuildwheel)),
    }


def _groups(groups: Mapping[str, Iterable[str]]) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return what pages are made with, which import the project, and releases, which do not."""
    own = tuple(requires(_PROJECT) or ())
    return {"docs.txt": ((*own, *groups["docs"]), _OURS), "release.txt": (tuple(groups["release"]), _OURS)}


def _oldest(pythons: Iterable[str]) -> str:
    return min(pythons, key=python_key)


def _resolve(name: str, lines: Iterable[str], python: str, env: Mapping[str, str], days: int) -> str:
    with tempfile.TemporaryDirectory() as directory:
        wanted = Path(directory) / "wanted.txt"
        locked = Path(directory) / "locked.txt"
        wanted.write_text("".join(f"{_on_linux(line)}\n" for line in lines))
        done = process.run(
            [
                *(find_uv(env) or "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"),
                *("--no-header", "--no-annotate", "--no-emit-index-url", "--python-version", python),
                *(("--exclude-newer", f"{days} days") if days else ()),
                *("--output-file", locked, wanted),
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


def _on_linux(line: str) -> str:
    requirement = Requirement(line)
    mine = f"({requirement.marker}) and {_PLATFORM}" if requirement.marker else _PLATFORM
    requirement.marker = Marker(mine)
    return str(requirement)
