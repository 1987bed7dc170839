"""What to build for an environment, over all GPUs, drivers, torch builds, Pythons and machines of the matrix."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product

import pytest

from factory.matrix import selector
from factory.matrix.advice import Adviser, Facts, advise, runs
from factory.matrix.arch import Arch
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Cell, State
from factory.versions import cuda_major, numbers
from tests.frozen import MATRIX

RULES = load_matrix(MATRIX.read_bytes())
ADVISER = Adviser.of(RULES)
RTX_5090 = Facts(python="3.12", machine="x86_64", gpus=("12.0",), driver="576.88")
OLD_GPU = "flash-attn has no kernels for 7.5; 8.0 is the oldest it supports"


def advised(**facts: object) -> tuple[str | None, str, str]:
    said = ADVISER.advise(Facts(**facts))  # type: ignore[arg-type]  # a table of any field
    return said.cell, said.options, said.why_not


@pytest.mark.parametrize("torch", ["2.12.1+cu130", "2.14.1+cu126", "2.15.0+cu132"])
def test_a_driver_and_a_gpu_that_share_no_cell_with_this_torch_get_that_of_the_nearest(torch: str) -> None:
    cuda = f"{torch[-3:-1]}.{torch[-1]}"
    said = ADVISER.advise(Facts(**{**vars(RTX_5090), "torch": torch, "cuda": cuda}))
    assert said.command == "nox -s build -- cu128 torch2.11 cp312"
    assert "torch 2.11 for CUDA 12.8" in said.words
    assert ("driver 580 or newer, or torch" in said.words) == (cuda != "12.6")


@pytest.mark.parametrize(
    ("facts", "cell"),
    [
        ({"torch": "2.11.0+cu130", "cuda": "13.0", "python": "3.12"}, "cu130 torch2.11 cp312"),
        ({"torch": "2.6.0", "cuda": "12.4", "python": "3.10", "cxx11abi": False}, "cu124 torch2.6 cp310"),
        ({"torch": "2.4.1", "cuda": "12.1", "python": "3.10"}, "cu124 torch2.4 cp310"),
        ({"torch": "2.9.1", "cuda": "13", "python": "3.12"}, "cu130 torch2.9 cp312"),
        ({"torch": "2.11.0", "python": "3.12", "usual": True}, "cu130 torch2.11 cp312"),
        ({"torch": "2.9.1+cu126", "cuda": "12.6", "python": "3.14", "gpus": ("8.9",)}, "cu126 torch2.9 cp314"),
        (
            {"torch": "2.6.0", "cuda": "12.4", "python": "3.10", "flash_attn": "2.8.3.post2"},
            "cu124 torch2.6 cp310 fa2.8.3.post2",
        ),
    ],
)
def test_the_torch_there_names_its_cell(facts: dict[str, object], cell: str) -> None:
    assert advised(**facts) == (cell, "", "")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"gpus": ("7.5",), "torch": "2.9.1", "cuda": "13.0", "python": "3.12"}, OLD_GPU),
        (
            {"torch": "2.8.0a0", "cuda": "13.0", "python": "3.12"},
            "torch2.8 was published for cu126, cu128, cu129; not cu130",
        ),
        ({"machine": "aarch64", "torch": "2.11.0", "cuda": "13.0", "python": "3.12"}, "this factory cannot link"),
        (
            {"machine": "win_amd64", "torch": "2.11.0", "cuda": "13.0", "python": "3.12"},
            "in WSL2 its wheels run",
        ),
        ({"torch": "2.12.1", "cuda": "13.0", "python": "3.13t"}, "cibuildwheel dropped it"),
        ({"torch": "2.12.1", "cuda": "13.0", "python": "3.12", "gpus": ("12.0",), "driver": "470.57"}, "driver 580"),
    ],
)
def test_what_is_not_made_is_refused_with_the_reason(facts: dict[str, object], why: str) -> None:
    cell, _, said = advised(**facts)
    assert cell is None
    assert why in said


def test_what_is_not_known_is_asked_for_and_what_is_not_built_is_replaced() -> None:
    assert "not known is torch" in advise(Facts(cuda="13.0", python="3.12"), RULES).words
    said = advise(Facts(torch="2.9.1", cuda="13.0", python="3.12", flash_attn="2.8.3"), RULES)
    assert said.words == "flash-attn 2.8.3 is not built for it; 2.8.3.post2 is"


def test_a_pre_release_of_torch_is_told() -> None:
    said = advise(Facts(torch="2.9.0a0+145a3a7bda.nv25.10", cuda="13.0", python="3.12"), RULES)
    assert said.cell == "cu130 torch2.9 cp312"
    assert "is a pre-release: the wheel is linked to 2.9.1" in said.words


def everywhere() -> Iterator[Facts]:
    """Yield each GPU that some CUDA makes and some kernel may be for, with each driver, torch, Python and machine."""
    targets = {(arch.major, arch.minor) for row in RULES.toolkits.values() for arch in row.targets}
    made = [f"{major}.{minor}" for major, minor in targets if (major, minor) >= (7, 5)]
    drivers = sorted({str(row.minimum_driver + by) for row in RULES.toolkits.values() for by in (-1, 0)})
    builds = [(torch.release, build) for torch in RULES.torch.values() for build in torch.builds]
    for gpu, driver in product((*sorted(made), "15.0"), drivers):
        for (release, build), python, machine in product(builds, RULES.cibuildwheel, RULES.machine_archs):
            yield Facts(
                torch=release,
                cuda=build.cuda,
                cxx11abi=build.cxx11abi,
                python=python,
                machine=machine,
                gpus=(gpu,),
                driver=driver,
            )


@cache
def built(command: str) -> Cell:
    """Return the cell that ``command`` builds; more or fewer than one, or one that is refused, fails."""
    tokens, _, archs = command.removeprefix("nox -s build -- ").partition(" --archs ")
    asked = [Arch.parse(arch) for arch in archs.split(",")] if archs else None
    (row,) = selector.select(expand(RULES, archs=asked), selector.parse(tokens.split(), RULES))
    assert row.state is not State.SKIPPED
    return row.cell


def test_an_unknown_python_and_a_driver_known_by_its_cuda_are_led_nowhere_else() -> None:
    """Hold examples in what is asked to the same as what is advised: one cell, which runs there."""
    builds = [(torch.series, build.cuda) for torch in RULES.torch.values() for build in torch.builds]
    drivers = (("576.88", None), (None, "12.9"), (None, "12"), ("580.95.05", None))
    tried = 0
    for (series, cuda), gpu, python, driver in product(builds, ("8.0", "9.0", "12.0"), ("3.12", None), drivers):
        number, known = driver
        facts = Facts(torch=series, cuda=cuda, python=python, gpus=(gpu,), driver=number, driver_cuda=known)
        said = ADVISER.advise(facts)
        example = re.search(r"such as (cu\d+ torch[^;]*);", said.words)
        words = f"{said.cell}{said.options}" if said.cell else example and example[1]
        if words:
            cell, tried = built(f"nox -s build -- {words}"), tried + 1
            assert number == "580.95.05" or cuda_major(cell.cuda) == 12, (facts, said)
            assert "--archs" in words or runs(cell, gpu), (facts, said)
    assert tried > len(builds) * 3 * 2 * 3


def test_no_advice_is_refused_by_the_factory_nor_runs_elsewhere() -> None:
    counted = {"cells": 0, "reasons": 0}
    for facts in everywhere():
        said = ADVISER.advise(facts)
        assert bool(said.cell) != bool(said.why_not), facts
        counted["cells" if said.cell else "reasons"] += 1
        if said.cell:
            cell = built(said.command)
            (gpu,) = facts.gpus
            assert runs(cell, gpu), (facts, said)
            assert (cell.python, cell.machine) == (facts.python, facts.machine)
            assert numbers(facts.driver or "") >= (RULES.toolkits[cell.cuda].minimum_driver,)
    assert min(counted.values()) > 0
    print(counted)  # noqa: T201 - the figure of how much was proved
