"""Say what a wheel is made with, for its report: ``nox -s reproduce`` makes it again from that."""

from __future__ import annotations

from collections.abc import Mapping

from factory.build.container.session import image_of
from factory.build.setup import CellWanted
from factory.data import DATA
from factory.environment.environment import Environment
from factory.matrix.model import Matrix
from factory.system import process
from factory.toolkit.toolkit import CudaRuntime
from factory.wheel.madewith import KernelInputs, MadeWith

_VERSION = "import platform; print(platform.python_version())"


def here(
    wanted: CellWanted,
    kernels: KernelInputs,
    environment: Environment,
    runtime: CudaRuntime,
    env: Mapping[str, str],
) -> MadeWith:
    """Return what a wheel made on this machine itself is made with."""
    asked = process.run([environment.python, "-I", "-c", _VERSION], timeout=60)
    return MadeWith(
        factory=commit(env),
        backend="host",
        torch=wanted.torch.release,
        kernels=kernels,
        compression=wanted.compression,
        python=asked.stdout.strip() or None,
        environment=environment.root.name,
        runtime=runtime.release,
        runtime_sha256=runtime.digest,
    )


def contained(wanted: CellWanted, kernels: KernelInputs, matrix: Matrix, env: Mapping[str, str]) -> MadeWith:
    """Return what a wheel made in a container is made with. Raises ImageError where the matrix names no image."""
    return MadeWith(
        factory=commit(env),
        backend="container",
        torch=wanted.torch.release,
        kernels=kernels,
        compression=wanted.compression,
        image=image_of(wanted.cell, matrix).reference,
    )


def commit(env: Mapping[str, str]) -> str | None:
    """Return the commit of the factory, with ``-dirty`` where files differ from it; None where it is no clone."""
    root = DATA.parent.parent
    if not (root / ".git").exists():  # installed, it may lie in somebody else's clone
        return None
    words = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    return process.run(words, env=env, timeout=60).stdout.strip() or None
