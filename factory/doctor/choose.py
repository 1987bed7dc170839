"""Which of several cells is this machine's own: the newest that it is fit for."""

from __future__ import annotations

from collections.abc import Sequence

from factory.doctor.facts import Facts, Gpu, Missing, Python, Torch
from factory.doctor.versionbound import series
from factory.matrix.advice import Facts as Environment
from factory.matrix.advice import unfit
from factory.matrix.model import Cell, Matrix
from factory.versions import numbers


def newest_fitting(cells: Sequence[Cell], facts: Facts, matrix: Matrix) -> Cell:
    """Return the cell with the fewest misfits, of those the one for the torch that is installed, of those the newest.

    Raises ValueError where there is no cell.
    """
    return max(cells, key=lambda cell: _rank(cell, facts, matrix))


def _rank(cell: Cell, facts: Facts, matrix: Matrix) -> tuple[object, ...]:
    misfits = (
        isinstance(facts.pythons[cell.python], Missing),
        isinstance(facts.compilers[cell.cuda], Missing),
        not _runs(cell, facts, matrix),
    )
    return (
        -sum(misfits),
        _for_torch_here(cell, facts),
        numbers(cell.torch),
        numbers(cell.cuda),
        _is_here(cell, facts),
        isinstance(facts.pythons[cell.python], str),
        numbers(cell.python),
        numbers(cell.flash_attn),
    )


def _runs(cell: Cell, facts: Facts, matrix: Matrix) -> bool:
    """Whether the GPUs and their driver run a wheel of the cell; where there is no GPU, nothing speaks against any."""
    return isinstance(facts.gpus, Missing) or not any(unfit(cell, environment(one), matrix) for one in facts.gpus)


def environment(gpu: Gpu) -> Environment:
    """Return what advice goes by of a GPU."""
    return Environment(gpus=(gpu.capability,), driver=gpu.driver)


def _for_torch_here(cell: Cell, facts: Facts) -> bool:
    match facts.python:
        case Python(version=version, torch=Torch(release=str(release), cuda=str(cuda), cxx11abi=cxx11abi)):
            here = (series(release), series(cuda), version)
            return here == (cell.torch, cell.cuda, cell.python) and cxx11abi in {None, cell.cxx11abi}
    return False


def _is_here(cell: Cell, facts: Facts) -> bool:
    return isinstance(facts.python, Python) and facts.python.version == cell.python
