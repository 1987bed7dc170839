"""How far the factory is: each cell of the matrix, whether its wheel is published, and why it is not.

All of it is told by what is known where an index is written: the matrix, the releases, and the run of the workflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from factory.index.lastrun import LastRun
from factory.matrix.model import Matrix, Planned, State
from factory.matrix.wheelname import wheel_filename

SCHEMA = 1
FILE = "status.json"
"""Its name below the index's root."""


class Standing(StrEnum):
    """What became of a cell: of those that are wanted ``left out``, ``failed`` and ``not built yet`` are missing."""

    PUBLISHED = "published"
    LEFT_OUT = "left out"
    FAILED = "failed"
    PENDING = "not built yet"
    ON_REQUEST = "on request"
    SKIPPED = "skipped"


MISSING = (Standing.LEFT_OUT, Standing.FAILED, Standing.PENDING)
_OTHERS = {
    State.PUBLISHED: Standing.PUBLISHED,
    State.ON_REQUEST: Standing.ON_REQUEST,
    State.SKIPPED: Standing.SKIPPED,
}


@dataclass(frozen=True, kw_only=True)
class CellStatus:
    """A cell by its tokens and by its axes, the name of its wheel, what became of it and why."""

    id: str
    flash_attn: str
    cuda: str
    torch: str
    python: str
    cxx11abi: bool
    machine: str
    profile: str
    wheel: str
    state: Standing
    reason: str


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """A job of the workflow by its key, and GitHub's word for how it ended: ``success``, ``failure``, ``skipped``."""

    name: str
    result: str


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """The address of the workflow's last run, and its jobs."""

    url: str
    jobs: tuple[JobResult, ...]


@dataclass(frozen=True, kw_only=True)
class Status:
    """The factory when its index was ``written`` (UTC); ``run`` is None where no workflow wrote it.

    ``unserved`` says by word, such as ``cu118``, why there is no cell of it at all.
    """

    schema: int = SCHEMA
    written: str
    run: RunStatus | None
    cells: tuple[CellStatus, ...]
    unserved: Mapping[str, str]

    def having(self, *standings: Standing) -> tuple[CellStatus, ...]:
        """Return the cells of which one of these is true, in the matrix's order."""
        return tuple(cell for cell in self.cells if cell.state in standings)

    def to_json(self) -> str:
        """Return it as JSON text that ends in a newline, a cell a line."""
        told = asdict(self)
        cells = ",\n".join(json.dumps(cell, ensure_ascii=False) for cell in told.pop("cells"))
        return f'{json.dumps(told, ensure_ascii=False)[:-1]}, "cells": [\n{cells}\n]}}\n'


@dataclass(frozen=True, kw_only=True)
class Known:
    """What an index knows beside the plan: why wheels in releases are ``left_out`` of it, ``NAME: REASON`` each.

    ``run`` is the workflow's, None where there is none, ``written`` the time (UTC), ``2026-11-29T12:00:00Z``.
    """

    left_out: tuple[str, ...]
    run: LastRun | None
    written: str


def status(planned: Iterable[Planned], matrix: Matrix, unserved: Mapping[str, str], known: Known) -> Status:
    """Return how far the factory is; of ``planned``, all cells of ``matrix``, what is published is marked so."""
    reasons = dict(line.partition(": ")[::2] for line in known.left_out)
    jobs = tuple(JobResult(name=name, result=result) for name, result in (known.run.jobs if known.run else {}).items())
    return Status(
        written=known.written,
        run=RunStatus(url=known.run.url, jobs=jobs) if known.run else None,
        cells=tuple(_cell(row, *_standing(row, matrix, reasons, known.run)) for row in planned),
        unserved=unserved,
    )


def _standing(row: Planned, matrix: Matrix, left_out: Mapping[str, str], run: LastRun | None) -> tuple[Standing, str]:
    reason = left_out.get(wheel_filename(row.cell))
    if row.state in {State.PUBLISHED, State.SKIPPED}:
        return _OTHERS[row.state], row.reason
    if reason is not None:
        return Standing.LEFT_OUT, f"it is in a release, and the index leaves it out: {reason}"
    if run is not None and run.asked(row.cell, matrix):
        return Standing.FAILED, "the last run was to build it, and no release has it"
    if row.state is State.BUILD:
        return Standing.PENDING, "no release has it" + (", and the last run was not to build it" if run else "")
    return _OTHERS[row.state], row.reason


def _cell(row: Planned, state: Standing, reason: str) -> CellStatus:
    cell = row.cell
    return CellStatus(
        id=cell.id,
        flash_attn=cell.flash_attn,
        cuda=cell.cuda,
        torch=cell.torch,
        python=cell.python,
        cxx11abi=cell.cxx11abi,
        machine=cell.machine,
        profile=cell.profile,
        wheel=wheel_filename(cell),
        state=state,
        reason=reason,
    )
