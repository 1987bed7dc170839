"""The table of rules that the page, the client and ``download`` answer from; the index writes it as ``rules.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable

from factory.index.served.flash_attn_wheel import PRERELEASE, SCHEMA, GpuRule, MadeCell, Repository, Rules
from factory.matrix.cells import expand
from factory.matrix.gpunames import gpus
from factory.matrix.model import Cell, Matrix, Planned, State
from factory.matrix.unserved import unserved

_Kind = tuple[str, str, str, bool, str]

FILE = "rules.json"
"""Its name below the index's root."""


def table(matrix: Matrix, repository: Repository | None = None) -> Rules:
    """Return what ``matrix`` can build and what drivers it needs, and the GPUs by name; ``repository`` publishes."""
    planned = expand(matrix)
    return Rules(
        schema=SCHEMA,
        repository=repository,
        minimum_driver={str(toolkit.major): toolkit.minimum_driver for toolkit in matrix.toolkits.values()},
        prerelease=PRERELEASE,
        gpus=[GpuRule(capability=row.capability, names=row.names, examples=row.examples) for row in gpus()],
        cells=_cells(planned),
        cautions=dict(matrix.cautions),
        machines=list(matrix.chosen_machines),
        unserved=dict(unserved()),
        profiles=list(matrix.profiles),
        oldest_arch=str(matrix.oldest_arch),
        targets={
            toolkit.version: [
                str(arch)
                for arch in toolkit.targets
                if (arch.major, arch.minor) >= (matrix.oldest_arch.major, matrix.oldest_arch.minor)
            ]
            for toolkit in matrix.toolkits.values()
        },
    )


def to_json(rules: Rules) -> str:
    """Return ``rules.json``, on one line: the same text for the same rules."""
    return json.dumps(rules, ensure_ascii=False) + "\n"


def _cells(planned: Iterable[Planned]) -> list[MadeCell]:
    """Put cells together that differ in their Python alone."""
    made: dict[_Kind, MadeCell] = {}
    for row in planned:
        cell = made.setdefault(_without_python(row.cell), _empty(row.cell))
        if row.state is State.SKIPPED:
            cell["left_out"][row.cell.python] = row.reason
        else:
            cell["pythons"].append(row.cell.python)
    return list(made.values())


def _without_python(cell: Cell) -> _Kind:
    return cell.flash_attn, cell.torch, cell.cuda, cell.cxx11abi, cell.machine


def _empty(cell: Cell) -> MadeCell:
    flash_attn, torch, cuda, cxx11abi, machine = _without_python(cell)
    return MadeCell(
        flash_attn=flash_attn, torch=torch, cuda=cuda, cxx11abi=cxx11abi, machine=machine, pythons=[], left_out={}
    )
