"""The architectures of this machine's own GPUs, which ``--archs native`` means, and what they save."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from factory.cli.options import NATIVE
from factory.errors import GpuError, UnreachableError
from factory.matrix.arch import Arch
from factory.matrix.model import Matrix, Planned
from factory.plan import saving
from factory.session import Session
from factory.system import gpu


def archs(env: Mapping[str, str]) -> tuple[Arch, ...]:
    """Return those of the GPUs here, each once. Raises GpuError where there is none."""
    try:
        found = gpu.find(env)
    except GpuError as error:
        raise GpuError(
            error.what, why=error.why, remedy="Name architectures in place of native, for example: --archs 8.6,8.9"
        ) from error
    return tuple(sorted({Arch.parse(one.capability) for one in found}))


def hint(planned: Sequence[Planned], arguments: argparse.Namespace, matrix: Matrix, session: Session) -> str:
    """Return a line that says what compiling for the GPUs here alone saves, or would, of what is ``planned``.

    Empty where there is no GPU, nothing to save or nobody who would: architectures were typed, or it is a job of
    GitHub, which builds for others.
    """
    if arguments.archs not in {None, NATIVE} or "GITHUB_ACTIONS" in session.env:
        return ""
    try:
        return saving.line(planned, archs(session.env), matrix, session)
    except (GpuError, UnreachableError):
        return ""
