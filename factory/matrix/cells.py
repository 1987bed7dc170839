"""Which cells exist, and what the plan does with each: a join over the facts, judged by the choices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from factory.errors import SelectorError
from factory.matrix.arch import Arch
from factory.matrix.cellindex import CellIndex, places
from factory.matrix.kernelset import maker
from factory.matrix.model import FULL, Cell, Matrix, Planned, Skip, State
from factory.matrix.suggest import hint


def expand(matrix: Matrix, profile: str = FULL, archs: Sequence[Arch] | None = None) -> tuple[Planned, ...]:
    """Return every cell there is, by flash-attn, torch, CUDA and Python in the order of the file.

    ``archs`` takes the place of the matrix's own. Raises SelectorError for a profile the matrix lacks.
    """
    if profile not in matrix.profiles:
        raise SelectorError(
            f"there is no profile {profile!r}{hint(profile, matrix.profiles)}",
            why=[f"{known.name}: {known.summary}" for known in matrix.profiles.values()],
            remedy="Name one of these with --profile.",
        )
    cells = tuple(_join(matrix, profile, archs))
    skips = skipped(matrix.skips, cells)
    refusals: dict[tuple[str, str], str] = {}  # by CUDA and machine, of which all cells have the same architectures
    return tuple(_planned(matrix, cell, skips.get(cell), refusals) for cell in cells)


def too_old(archs: Sequence[Arch], oldest: Arch) -> str:
    """Return a sentence on those of ``archs`` that flash-attn has no kernels for; empty if it has for all."""
    old = [arch for arch in archs if _number(arch) < _number(oldest)]
    return f"flash-attn has no kernels for {_listed(old)}; {oldest} is the oldest it supports" if old else ""


def cannot_make(archs: Sequence[Arch], cuda: str, matrix: Matrix) -> str:
    """Return a sentence on those of ``archs``, too old ones aside, that no toolkit for the kernels of ``cuda`` makes.

    Empty if one makes all; of several that do not it is on the last.
    """
    wanted = [arch for arch in archs if _number(arch) >= _number(matrix.oldest_arch)]
    toolkit = maker(wanted, cuda, matrix) or matrix.makers(cuda)[-1]
    fit = [target for target in toolkit.targets if _number(target) >= _number(matrix.oldest_arch)]
    foreign = [arch for arch in wanted if arch.real not in fit]
    if not foreign:
        return ""
    own = toolkit.version == cuda
    role = "" if own else f", which compiles the kernels of CUDA {cuda} (cuda.{cuda}.kernels),"
    return f"CUDA {toolkit.version}{role} cannot make {_listed(foreign)}; it makes {_listed(fit)}"


def skipped(skips: Iterable[Skip], cells: Sequence[Cell]) -> dict[Cell, Skip]:
    """Return those of ``cells`` that entries under ``skip`` cover, each with the first that does."""
    index = CellIndex.of(cells)
    found: dict[Cell, Skip] = {}
    left = index.every
    for skip in skips:
        covered = index.having(skip.tokens) & left
        found |= {cells[at]: skip for at in places(covered)}
        left ^= covered
    return found


def unchosen(matrix: Matrix, cell: Cell) -> str:
    """Return why ``cell`` is not built without being asked by name; empty if it is."""
    choice = matrix.choices.get(cell.torch)
    if choice is None:
        return f"torch {cell.torch} has no line under wheels"
    if cell.flash_attn not in choice.flash_attn:
        return (
            f"flash-attn {cell.flash_attn} is not the default for torch {cell.torch}; {_listed(choice.flash_attn)} is"
        )
    if cell.cuda not in choice.cuda:
        return _name_taken(matrix, cell) or f"CUDA {cell.cuda} does not stand in wheels.{cell.torch}.cuda"
    if cell.python not in choice.pythons:
        caution = f": {matrix.cautions[cell.python]}" if cell.python in matrix.cautions else ""
        return f"Python {cell.python} does not stand in wheels.{cell.torch}.python{caution}"
    if cell.machine not in matrix.chosen_machines:
        return f"{cell.machine} does not stand in machines"
    return ""


def _join(matrix: Matrix, profile: str, archs: Sequence[Arch] | None) -> Iterator[Cell]:
    asked = tuple(sorted(set(archs))) if archs is not None else None
    for release in matrix.flash_attn.values():
        for torch in (matrix.torch[series] for series in matrix.torch if series in release.torch + release.on_request):
            for build in torch.builds:
                for machine, python in product(build.machines, build.pythons):
                    yield Cell(
                        flash_attn=release.version,
                        cuda=build.cuda,
                        torch=torch.series,
                        python=python,
                        cxx11abi=build.cxx11abi,
                        profile=profile,
                        archs=asked or matrix.archs_of(build.cuda, machine),
                        machine=machine,
                    )


def _planned(matrix: Matrix, cell: Cell, skip: Skip | None, refusals: dict[tuple[str, str], str]) -> Planned:
    alike = cell.cuda, cell.machine
    if alike not in refusals:
        refusals[alike] = too_old(cell.archs, matrix.oldest_arch) or cannot_make(cell.archs, cell.cuda, matrix)
    refusal = (skip and skip.reason) or refusals[alike]
    if refusal:
        return Planned(cell=cell, state=State.SKIPPED, reason=refusal)
    reason = unchosen(matrix, cell)
    if reason:
        return Planned(cell=cell, state=State.ON_REQUEST, reason=reason)
    return Planned(cell=cell, state=State.BUILD, reason=f"chosen by wheels.{cell.torch}")


def _name_taken(matrix: Matrix, cell: Cell) -> str:
    major = matrix.toolkits[cell.cuda].major
    for build in matrix.torch[cell.torch].builds:
        rival = matrix.toolkits[build.cuda]
        if build.published and (rival.major, build.cxx11abi) == (major, cell.cxx11abi):
            return (
                f"its published name is taken by {rival.token} torch{cell.torch}: "
                f"a name holds only the CUDA major (wheels.{cell.torch}.cuda chooses)"
            )
    return ""


def _number(arch: Arch) -> tuple[int, int]:
    return arch.major, arch.minor


def _listed(items: Sequence[object]) -> str:
    return ", ".join(str(item) for item in items)
