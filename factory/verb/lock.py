"""Write the lock files: every file of a cell's environment with its sha256, for builds on the default index.

Needs uv, and the package index to be reachable. Builds that only PyTorch's own index serves get no lock:
their files are checked against the hashes that index states.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from factory.core.errors import UnreachableError
from factory.core.model import Matrix, Torch, TorchBuild
from factory.core.requirements import lock_name, tool_requirements, torch_requirement
from factory.edge import shell

_PLATFORM = " ; sys_platform == 'linux' and platform_machine == 'x86_64'"


def lock(matrix: Matrix, *, locks: Path, env: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Write one lock file per torch build of ``matrix`` that the default index serves.

    Raises UnreachableError with uv's own words when one cannot be resolved.
    """
    locks.mkdir(parents=True, exist_ok=True)
    for torch in matrix.torch.values():
        for build in torch.builds:
            if build.index_url is None:
                say(f"locking torch {torch.release} for CUDA {build.cuda}")
                (locks / lock_name(torch, build)).write_text(_resolve(torch, build, env))


def _resolve(torch: Torch, build: TorchBuild, env: Mapping[str, str]) -> str:
    oldest = min(build.pythons, key=lambda version: tuple(map(int, version.split("."))))
    with tempfile.TemporaryDirectory() as directory:
        wanted = Path(directory) / "wanted.txt"
        locked = Path(directory) / "locked.txt"
        lines = (torch_requirement(torch), *tool_requirements(torch))
        wanted.write_text("".join(f"{line}{_PLATFORM}\n" for line in lines))
        done = shell.run(
            [
                *("uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"),
                *("--no-header", "--no-annotate", "--no-emit-index-url", "--python-version", oldest),
                *("--output-file", locked, wanted),
            ],
            env=env,
            timeout=300,
        )
        if not done.ok:
            raise UnreachableError(
                f"torch {torch.release} could not be resolved",
                why=done.stderr.strip().splitlines()[-5:],
                remedy="Check that uv is installed and the package index reachable, then: nox -s lock",
            )
        return locked.read_text()
