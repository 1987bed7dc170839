"""The published wheel for an environment, or why there is none and what would make it.

Choosing itself is ``factory/index/served/flash_attn_wheel.py``, which the index serves to everyone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from factory.errors import NoWheelError
from factory.index import rules
from factory.index.published import Published
from factory.index.served.flash_attn_wheel import Answer, Environment, cautions, describe
from factory.index.served.flash_attn_wheel import resolve as choose
from factory.matrix.model import Matrix


def resolve(environment: Environment, published: Sequence[Published], matrix: Matrix) -> Published:
    """Return the wheel of the newest flash-attn that fits.

    Raises NoWheelError that names the axis that misses, the nearest wheels, and the command that would build one, if
    ``matrix`` has such a cell.
    """
    table = rules.table(matrix)
    answer = choose(environment, [one.row for one in published], table)
    if answer.wheel is None:
        raise _no_wheel(answer, cautions(answer, environment, table))
    return next(one for one in published if one.filename == answer.wheel["filename"])


def _no_wheel(answer: Answer, said: Iterable[str]) -> NoWheelError:
    near = [f"{'one' if answer.several else 'near'}: {row['filename']} ({describe(row)})" for row in answer.nearest]
    if answer.several:
        return NoWheelError(
            "more than one wheel fits",
            why=[*answer.missing, *near],
            remedy="Name which, for example: nox -s download -- cu124 torch2.6 cp310 abiFALSE",
        )
    return NoWheelError("no published wheel fits", why=[*answer.missing, *near, *said], remedy=_remedy(answer))


def _remedy(answer: Answer) -> str:
    """Return the command that makes a wheel that fits, or say why none does."""
    if answer.build:
        return f"Build it: nox -s build -- {answer.build}"
    if answer.unbuildable:
        return f"It cannot be built from matrix.yaml: {answer.unbuildable}"
    return "Building would not help: change what misses."
