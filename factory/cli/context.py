"""What every verb needs before it starts: the matrix, the cells that were meant, a session, a console."""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from factory.cli import owngpu
from factory.cli.options import NATIVE
from factory.cli.typed import MATRIX
from factory.data import DATA
from factory.errors import MatrixError, SelectorError, UsageError
from factory.matrix import cells, kernelset, selector
from factory.matrix.load import load as load_matrix
from factory.matrix.model import FULL, Cell, Matrix, Planned
from factory.output.console import Console
from factory.output.log import Log
from factory.session import Session
from factory.system import machine
from factory.system.cache import cache_root, writable

PROFILE = FULL
_PROJECT = Path("pyproject.toml")
# A wheel of the factory holds the matrix of the repository it was built from; a clone has it in its root alone.
_SHIPPED = DATA / MATRIX


def matrix(*, shipped: bool = False) -> Matrix:
    """Return ``matrix.yaml`` of the working directory; where there is none and ``shipped``, the one this came with.

    Raises MatrixError where it is not there or not valid.
    """
    path = matrix_file() if shipped else MATRIX
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise MatrixError(
            "there is no matrix.yaml here", remedy="Run this in the root of a clone of the factory's repository."
        ) from error
    except OSError as error:
        raise MatrixError("matrix.yaml cannot be read", why=[str(error)]) from error
    return load_matrix(content, name=path.name)


def matrix_file() -> Path:
    """Return the path of the ``matrix.yaml`` that what only reads takes, which may not be there."""
    return MATRIX if MATRIX.is_file() or not _SHIPPED.is_file() else _SHIPPED


def groups() -> Mapping[str, Sequence[str]]:
    """Return the requirements of the project's dependency groups, by name. Raises UsageError where it is not here."""
    try:
        text = _PROJECT.read_text(encoding="utf-8")
    except OSError as error:
        remedy = "Do this in the root of a clone of the factory."
        raise UsageError(f"{_PROJECT} cannot be read: {error.strerror}", remedy=remedy) from error
    found: Mapping[str, Sequence[str]] = tomllib.loads(text)["dependency-groups"]
    return found


def expand(arguments: argparse.Namespace, matrix: Matrix) -> tuple[Planned, ...]:
    """Return all cells under the profile and architectures that were typed.

    Raises SelectorError for a profile that the matrix lacks, GpuError where this machine's GPUs are meant and there are
    none.
    """
    archs = owngpu.archs(os.environ) if arguments.archs == NATIVE else arguments.archs
    return cells.expand(matrix, profile=arguments.profile or PROFILE, archs=archs)


def select(arguments: argparse.Namespace, matrix: Matrix) -> tuple[Planned, ...]:
    """Return the cells that were meant. Raises SelectorError, CellError or GpuError, as ``expand`` does."""
    if not arguments.selector:
        raise SelectorError(
            "no cell is named", remedy="Name one, such as `cu124 torch2.6 cp310`; `nox -s plan` lists them."
        )
    return selector.select(expand(arguments, matrix), selector.parse(arguments.selector, matrix))


def first_of_sets(arguments: argparse.Namespace, matrix: Matrix) -> tuple[Cell, ...]:
    """Return the first meant cell of each kernel set, in the sets' order. Raises SelectorError or CellError."""
    sets = {kernelset.need_of(row.cell, matrix): row.cell for row in reversed(select(arguments, matrix))}
    return tuple(sets[need] for need in sorted(sets))


def session(arguments: argparse.Namespace, matrix: Matrix, *, error_log: bool = False) -> Session:
    """Return the cache, opened, and the limits of this machine. Raises UsageError where the cache cannot be written."""
    env = dict(os.environ)
    return Session(
        cache=writable(cache_root(env)),
        env=env,
        log=Log(Console(stderr=error_log)),
        limits=machine.limits(env, max_jobs=matrix.max_jobs, memory=arguments.memory),
    )
