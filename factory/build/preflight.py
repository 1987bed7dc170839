"""What a run on this machine itself stands on, looked at before anything large is fetched: compilers and toolkits."""

from __future__ import annotations

from collections.abc import Iterable

from factory import toolkit
from factory.errors import HostCompilerError
from factory.kernels import crosscompiler, firstcompile, hostcompiler
from factory.matrix.kernelset import need_of
from factory.matrix.model import Cell, Matrix, Toolkit
from factory.platforms import own_machine
from factory.session import Session


def preflight(cells: Iterable[Cell], matrix: Matrix, session: Session) -> None:
    """Have a g++ that fits what compiles the kernels of ``cells``, and try it with toolkits that are on this machine.

    For cells of another machine there must be one that compiles for that. Raises HostCompilerError, with the newer CUDA
    releases that take the compiler that is here.
    """
    needs = [need_of(cell, matrix) for cell in cells]
    for cuda, machine in dict.fromkeys((need.cuda, need.machine) for need in needs):
        if machine != own_machine():
            crosscompiler.find(matrix.toolkits[cuda], machine, session.env)
    for cuda in dict.fromkeys(need.cuda for need in needs):
        row = matrix.toolkits[cuda]
        try:
            compiler = hostcompiler.provide(row, session.env, session.cache, session.log.say)
        except HostCompilerError as error:
            raise HostCompilerError(
                error.what, why=[*error.why, *_others(row, matrix, session)], remedy=error.remedy
            ) from error
        found = toolkit.here(cuda, session.env, session.cache, session.log.say)
        if found is not None:
            firstcompile.check_once(found, compiler, session.cache, session.env)


def _others(refused: Toolkit, matrix: Matrix, session: Session) -> list[str]:
    """Name the CUDA releases of the matrix that take a compiler which is here."""
    fitting = []
    for row in matrix.toolkits.values():
        if row.newest_gcc > refused.newest_gcc:
            try:
                found = hostcompiler.find(row, session.env)
            except HostCompilerError:
                continue
            fitting.append(f"CUDA {row.version} takes {found.path}, {found.version}: nox -s plan -- {row.token}")
    return fitting
