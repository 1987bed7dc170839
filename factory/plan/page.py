"""A plan: what is to be built, what that takes, what is left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from factory.matrix.arch import Arch
from factory.matrix.model import Cell, Matrix, Planned, State
from factory.matrix.representatives import divide
from factory.output.markdown import Markup, bullets, folded, note, page, plain, section, table
from factory.output.progress import counted, duration, gigabytes
from factory.versions import abi_word

_CELLS = ("flash-attn", "CUDA", "torch", "C++11 ABI", "Python", "wheels", "profile", "architectures")
_SETS = ("kernel set", "wheels", "units", "wall time", "CPU time", "largest unit")
_UNTESTED = (
    "No wheel of this plan is tried on a GPU, for matrix.yaml names no runner with one (runners.gpu): "
    "the wheels are published marked as untested."
)


@dataclass(frozen=True, kw_only=True)
class SetEstimate:
    """One kernel set from nothing: for how many wheels, units, wall and CPU seconds, bytes of the largest unit."""

    name: str
    wheels: int
    units: int
    seconds: float
    cpu_seconds: float
    peak: int


@dataclass(frozen=True, kw_only=True)
class PlanPage:
    """A plan: its rows, those that are to be ``built``, and what the terminal says of that as well.

    There are no ``sets`` where there is no estimate.
    """

    rows: tuple[Planned, ...]
    built: tuple[Planned, ...]
    sets: tuple[SetEstimate, ...]
    total: str
    images: tuple[str, ...]


def markdown(plan_page: PlanPage, matrix: Matrix) -> str:
    """Return the page of a job."""
    return page(
        f"Plan: {counted(len(plan_page.built), 'wheel')} to build",
        plain(_counts(plan_page.rows)),
        section("To build", _cells(plan_page.built), _gpu(plan_page.built, matrix)),
        section("What it takes", _sets(plan_page.sets), plain(plan_page.total)),
        section("Images", bullets(plan_page.images)),
        folded("Not built, and why", _others(plan_page)),
    )


def cells_table(cells: Iterable[Cell]) -> Markup:
    """Return a row for each flash-attn, CUDA, torch and ABI, with its Pythons."""
    kin: dict[tuple[str, ...], list[str]] = {}
    for cell in cells:
        kin.setdefault(_kin(cell), []).append(cell.python)
    rows = [
        (*kind[:4], " ".join(dict.fromkeys(pythons)), str(len(pythons)), *kind[4:]) for kind, pythons in kin.items()
    ]
    return table(_CELLS, rows) if rows else Markup()


def listed(archs: Iterable[Arch]) -> str:
    """Return architectures as they are typed: ``8.6,8.9+PTX``."""
    return " ".join(map(str, archs))


def _kin(cell: Cell) -> tuple[str, ...]:
    return cell.flash_attn, cell.cuda, cell.torch, abi_word(cell.cxx11abi), cell.profile, listed(cell.archs)


def _counts(rows: Sequence[Planned]) -> str:
    counts = Counter(row.state for row in rows)
    said = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])
    return f"{counted(len(rows), 'cell')}: {said}." if rows else "There are no cells."


def _cells(built: Iterable[Planned]) -> Markup:
    return cells_table(row.cell for row in built) or Markup("Nothing is left to build.")


def _gpu(built: Sequence[Planned], matrix: Matrix) -> Markup:
    if not built:
        return Markup()
    if not matrix.runners.gpu:
        return note(_UNTESTED)
    tried = divide([row.cell for row in built], matrix.gpu_python).tried
    return plain(f"Tried on a GPU: {counted(len(tried), 'wheel')}, on {' '.join(matrix.runners.gpu)}.")


def _sets(sets: Sequence[SetEstimate]) -> Markup:
    rows = [
        (
            one.name,
            str(one.wheels),
            str(one.units),
            f"about {duration(one.seconds)}",
            duration(one.cpu_seconds),
            f"{gigabytes(one.peak)} GB",
        )
        for one in sets
    ]
    return table(_SETS, rows) if rows else Markup()


def _others(plan_page: PlanPage) -> Markup:
    built = {row.cell for row in plan_page.built}
    reasons = Counter((row.state.value, row.reason) for row in plan_page.rows if row.cell not in built)
    rows = [(str(count), state, reason) for (state, reason), count in sorted(reasons.items())]
    return table(("cells", "state", "reason"), rows) if rows else Markup()
