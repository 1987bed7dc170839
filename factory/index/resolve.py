"""The published wheel for an environment, or why there is none and what would make it.

Choosing itself is ``factory/index/served/flash_attn_wheel.py``, which the index serves to everyone.
"""

from __future__ import annotations

from collections.abc import Sequence

from factory.errors import CellError, NoWheelError, SelectorError
from factory.index.published import Published
from factory.index.served.flash_attn_wheel import Answer, Environment, describe
from factory.index.served.flash_attn_wheel import resolve as choose
from factory.matrix import selector
from factory.matrix.arch import Arch
from factory.matrix.cells import expand
from factory.matrix.model import Matrix


def resolve(environment: Environment, published: Sequence[Published], matrix: Matrix) -> Published:
    """Return the wheel of the newest flash-attn that fits.

    Raises NoWheelError that names the axis that misses, the nearest wheels, and the command that would build one, if
    ``matrix`` has such a cell.
    """
    answer = choose(environment, [one.row for one in published])
    if answer.wheel is None:
        raise _no_wheel(answer, environment, matrix)
    return next(one for one in published if one.filename == answer.wheel["filename"])


def _no_wheel(answer: Answer, environment: Environment, matrix: Matrix) -> NoWheelError:
    near = [f"{'one' if answer.several else 'near'}: {row['filename']} ({describe(row)})" for row in answer.nearest]
    if answer.several:
        return NoWheelError(
            "more than one wheel fits",
            why=[*answer.missing, *near],
            remedy="Name which, for example: nox -s download -- cu124 torch2.6 cp310 abiFALSE",
        )
    remedy = _remedy(answer.build, environment, matrix)
    return NoWheelError("no published wheel fits", why=[*answer.missing, *near], remedy=remedy)


def _remedy(build: str, environment: Environment, matrix: Matrix) -> str:
    """Return the command that makes a wheel that fits, or say why none does."""
    if not build:
        return "Building would not help: change what misses."
    tokens, _, options = build.partition(" --")
    archs = [Arch.parse(gpu) for gpu in environment.gpus] if "archs" in options else None
    try:
        cells = expand(matrix, profile=environment.profile, archs=archs)
        selector.select(cells, selector.parse(tokens.split(), matrix))
    except (SelectorError, CellError) as error:
        return f"It cannot be built from matrix.yaml: {'; '.join(error.why) or error.what}"
    return f"Build it: nox -s build -- {build}"
