"""The workflow run that an index is written in: what became of its jobs, and which wheels it was to build.

It is read from GitHub's ``toJSON(needs)``, of the job that writes the index:
https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#needs-context.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, Json, TypeAdapter

from factory.matrix.kernelset import need_of
from factory.matrix.model import Cell, Matrix


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one job was to build: the ``cells`` that have all their tokens among these, of one kernel set."""

    cells: str
    kernels: str


@dataclass(frozen=True, kw_only=True)
class _Outputs:
    wheels: Json[tuple[Entry, ...]] = ()


@dataclass(frozen=True, kw_only=True)
class _Job:
    result: Literal["success", "failure", "cancelled", "skipped"]
    outputs: Annotated[_Outputs, Field(default_factory=_Outputs)]


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """A run at ``url``: the results of its jobs by their keys, and what it was to build."""

    url: str
    jobs: Mapping[str, str]
    wheels: tuple[Entry, ...]

    def asked(self, cell: Cell, matrix: Matrix) -> bool:
        """Return whether it was to build ``cell``, one of ``matrix``."""
        tokens, label = set(cell.id.split()), need_of(cell, matrix).label
        return any(entry.kernels == label and tokens.issubset(entry.cells.split()) for entry in self.wheels)


_NEEDS = TypeAdapter(dict[str, _Job])


def read(url: str, needs: str | bytes) -> LastRun:
    """Return the run at ``url``, of which ``needs`` tells. Raises ValueError (pydantic's) for what is no such JSON."""
    jobs = _NEEDS.validate_json(needs)
    wheels = tuple(entry for job in jobs.values() for entry in job.outputs.wheels)
    return LastRun(url=url, jobs={name: job.result for name, job in jobs.items()}, wheels=wheels)
