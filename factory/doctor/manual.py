"""What building by hand, as the installation guide does, needs of this machine."""

from __future__ import annotations

from collections.abc import Iterator

from factory.doctor import capacity, cuda, kindlines, python
from factory.doctor.facts import Facts, Missing, Program
from factory.doctor.result import Line, Purpose, Section, ok, problem
from factory.doctor.target import Needs, Target
from factory.matrix.model import Matrix
from factory.versions import numbers


def section(target: Target, facts: Facts, matrix: Matrix, needs: Needs) -> Section:
    """Return how the machine is fit for ``target``."""
    lines = (
        *kindlines.lines(facts),
        *cuda.lines(target, facts),
        *cuda.glibc(target, facts),
        *_compilers(target, facts, matrix, needs),
        *python.lines(target, facts, matrix),
        *capacity.by_hand(target, facts, needs),
    )
    return Section(purpose=Purpose.HAND, against=target.name, lines=lines)


def _compilers(target: Target, facts: Facts, matrix: Matrix, needs: Needs) -> Iterator[Line]:
    version = cuda.served(target, facts)
    toolkit = matrix.toolkits.get(version)
    newest = toolkit.newest_gcc if toolkit else None
    for name, found in (("gcc", facts.gcc), ("g++", facts.gxx)):
        yield _compiler(name, found, version, (needs.oldest_gcc, newest))


def _compiler(name: str, found: Program | Missing, cuda_version: str, span: tuple[int, int | None]) -> Line:
    oldest, newest = span
    taken = f"{oldest} to {newest}" if newest else f"{oldest} or newer"
    remedy = _install(newest or oldest)
    if isinstance(found, Missing):
        return problem(name, f"{found.what}; CUDA {cuda_version} with torch takes {taken}", remedy)
    if found.version is None:
        return problem(name, f"{found.path} does not say a version of gcc, but: {found.said}", remedy)
    said = f"{found.path} is {found.version}; CUDA {cuda_version} with torch takes {taken}"
    major = numbers(found.version)[0]
    if major < oldest or (newest is not None and major > newest):
        return problem(name, said, remedy)
    known = "" if newest else f" (matrix.yaml knows no newest one for CUDA {cuda_version})"
    return ok(name, said + known)


def _install(major: int) -> str:
    return f"Install g++-{major}, then type: export CC=gcc-{major} CXX=g++-{major}"
