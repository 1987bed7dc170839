"""A plan as work for the workflow's matrices: shares of kernel sets, wheels, GPU tests; nothing but ids and names."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from factory.errors import SelectorError
from factory.matrix.kernelset import KernelSetId, need_of
from factory.matrix.model import Cell, Matrix
from factory.matrix.representatives import divide
from factory.matrix.wheelname import wheel_filename
from factory.platforms import usual

Entry = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Runner:
    """The machine jobs run on: cores, bytes of memory, the most jobs of a matrix, the seconds of compiles in one."""

    cores: int
    memory: int
    matrix: int
    shard_seconds: float


def read_runner(table: Mapping[str, Any]) -> Runner:
    """Return the runner that the parsed ``runner.toml`` describes. Raises KeyError where it lacks one of its keys."""
    return Runner(**table)


def outputs(cells: Sequence[Cell], seconds: Mapping[str, float], matrix: Matrix, runner: Runner) -> dict[str, str]:
    """Return what the jobs behind ``plan`` get, by name, as JSON.

    ``seconds`` are those of the set of each cell that ``makers`` gives, on ``runner``, by its label. Raises
    SelectorError when there is more than ``runner`` takes in one run, or wheels for a machine of which there is none.
    """
    wheels = _wheels(cells, matrix, runner)
    sets = {need_of(cell, matrix).label: cell for cell in makers(cells, matrix).values()}
    found: dict[str, list[Entry] | list[str]] = {
        "kernels": _kernels(sets, seconds, runner),
        "sets": [{"name": name, **_compiled(cell)} for name, cell in sets.items()],
        "wheels": [entry for entry, _ in wheels],
        "gpu_tests": _gpu_tests(cells, wheels, matrix) if matrix.runners.gpu else [],
        "build_runner": list(matrix.runners.build),
        "gpu_runner": list(matrix.runners.gpu),
    }
    for name in ("kernels", "wheels", "gpu_tests"):
        if len(found[name]) > runner.matrix:
            raise SelectorError(
                f"{len(found[name])} {name} are more than one run takes, which is {runner.matrix}",
                remedy="Select fewer cells, a CUDA at a time: cu124",
            )
    return {name: json.dumps(value) for name, value in found.items()}


def makers(cells: Iterable[Cell], matrix: Matrix) -> dict[KernelSetId, Cell]:
    """Return, for each kernel set of ``cells``, the cell whose set is compiled for it.

    Machine code is the same for every machine: what wheels for another one need is compiled with what those of the
    first need, for the architectures of both.
    """
    first: dict[KernelSetId, Cell] = {}
    for cell in cells:
        first.setdefault(need_of(cell, matrix), cell)
    found: dict[KernelSetId, Cell] = {}
    for need, cell in first.items():
        kin = [one for one in first if one.kin == need.kin]
        abroad = {arch for one in kin if one.machine != usual() for arch in one.archs}
        made = next((first[one] for one in kin if one.machine == usual()), cell) if need.machine != usual() else cell
        archs = tuple(sorted({*made.archs, *abroad}))
        found[need] = replace(made, machine=usual(), archs=archs)
    return found


def _compiled(cell: Cell) -> Entry:
    """Return what selects the kernel set of ``cell``."""
    return {"cells": cell.id, "archs": ",".join(map(str, cell.archs))}


def _kernels(sets: Mapping[str, Cell], seconds: Mapping[str, float], runner: Runner) -> list[Entry]:
    """Cut each kernel set into as few shares as time allows; into fewer, longer ones where a matrix has no room."""
    limit = runner.shard_seconds
    longest = max((seconds[name] for name in sets), default=0)
    while sum(_shares(seconds[name], limit) for name in sets) > runner.matrix and limit < longest:
        limit *= 1.1
    return [
        {"name": f"{name}-{number}-of-{count}", **_compiled(cell), "shard": f"{number}/{count}"}
        for name, cell in sets.items()
        for count in [_shares(seconds[name], limit)]
        for number in range(1, count + 1)
    ]


def _shares(seconds: float, limit: float) -> int:
    return max(1, math.ceil(seconds / limit))


def _wheels(cells: Sequence[Cell], matrix: Matrix, runner: Runner) -> list[tuple[Entry, tuple[Cell, ...]]]:
    """Return each cell a job of its own, or where there are too many, all Pythons of one torch together."""
    groups: dict[Cell, list[Cell]] = {}
    compiled = makers(cells, matrix)
    for cell in cells:
        alone = len(cells) <= runner.matrix
        groups.setdefault(cell if alone else replace(cell, python=""), []).append(cell)
    return [
        (_wheel(group, need_of(compiled[need_of(group[0], matrix)], matrix), matrix), tuple(group))
        for group in groups.values()
    ]


def _wheel(group: Sequence[Cell], kernels: KernelSetId, matrix: Matrix) -> Entry:
    tokens = list(dict.fromkeys(token for token in _by_axis(group)))
    machine = group[0].machine
    labels = matrix.runners.of(machine)
    if not labels:
        raise SelectorError(
            f"the workflows have no machine to make wheels for {machine} on",
            remedy=f"Name its label in matrix.yaml, runners: {{machines: {{{machine}: [...]}}}}",
        )
    return {
        "name": "-".join(tokens),
        "cells": " ".join(tokens),
        "kernels": kernels.label,
        "runner": json.dumps(labels),
    }


def _by_axis(group: Sequence[Cell]) -> Iterator[str]:
    for tokens in zip(*(cell.id.split() for cell in group), strict=True):
        yield from tokens


def _gpu_tests(cells: Sequence[Cell], wheels: Iterable[tuple[Entry, tuple[Cell, ...]]], matrix: Matrix) -> list[Entry]:
    tried = set(divide(cells, matrix.gpu_python).tried)
    return [
        {"name": "-".join(cell.id.split()), "file": wheel_filename(cell), "wheel": entry["name"]}
        for entry, group in wheels
        for cell in group
        if cell in tried
    ]
