import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import SelectorError
from factory.matrix import cells, selector
from factory.matrix.kernelset import need_of
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Cell, Matrix, Runners, State
from factory.plan.workflow import Runner, makers, outputs
from tests.frozen import MATRIX

RULES = load_matrix(MATRIX.read_text(encoding="utf-8"))
RUNNER = Runner(cores=4, memory=16 * 10**9, matrix=256, shard_seconds=9000)
PLANNED = cells.expand(RULES)
ALL = [row.cell for row in PLANNED if row.state is State.BUILD]
EVERY = [row.cell for row in PLANNED if row.state is not State.SKIPPED]
BOTH = replace(RULES, skips=tuple(skip for skip in RULES.skips if not skip.machine))
OF_BOTH = [row.cell for row in cells.expand(BOTH) if row.cell.id.startswith("cu130 torch2.11 cp311 abiTRUE fa2.8")]


def read(
    some: list[Cell], seconds: float = 1000, runner: Runner = RUNNER, rules: Matrix = RULES
) -> dict[str, list[dict[str, str]]]:
    times = {need_of(cell, rules).label: seconds for cell in makers(some, rules).values()}
    return {name: json.loads(text) for name, text in outputs(some, times, rules, runner).items()}


def selected(entry: dict[str, str]) -> list[Cell]:
    return [row.cell for row in selector.select(PLANNED, selector.parse([entry["cells"]], RULES))]


@given(some=st.lists(st.sampled_from(EVERY), unique=True, max_size=40), room=st.integers(20, 40))
@settings(deadline=None, max_examples=50)
def test_every_cell_is_built_once_and_no_other_and_its_kernels_are_made_in_the_same_run(
    some: list[Cell], room: int
) -> None:
    try:
        found = read(some, runner=replace(RUNNER, matrix=room))
    except SelectorError:
        assert len({replace(cell, python="") for cell in some}) > room
        return
    built = [cell for entry in found["wheels"] for cell in selected(entry)]
    assert sorted(built) == sorted(some)
    assert max(map(len, found.values())) <= room
    made = {re.sub(r"-\d+-of-\d+$", "", entry["name"]) for entry in found["kernels"]}
    assert {entry["kernels"] for entry in found["wheels"]} == made
    assert {entry["name"] for entry in found["sets"]} == made
    names = [entry["name"] for entry in (*found["wheels"], *found["kernels"])]
    assert len(set(names)) == len(names)


def test_kernels_are_compiled_once_for_the_wheels_of_all_machines_and_these_are_made_each_on_its_own() -> None:
    here, there = sorted(OF_BOTH, key=lambda cell: cell.machine, reverse=True)
    assert (here.machine, there.machine) == ("x86_64", "aarch64")
    assert set(there.archs) > set(here.archs)
    found = read([here, there], rules=BOTH)
    (compiled,) = found["kernels"]
    assert compiled["cells"] == here.id
    assert compiled["archs"] == ",".join(map(str, there.archs))
    assert [entry["runner"] for entry in found["wheels"]] == ['["ubuntu-24.04"]', '["ubuntu-24.04-arm"]']
    (name,) = {entry["kernels"] for entry in found["wheels"]}
    assert compiled["name"] == f"{name}-1-of-1"
    assert [(entry["name"], entry["cells"], entry["archs"]) for entry in found["sets"]] == [
        (name, here.id, compiled["archs"])
    ]
    assert {tuple(cell.split()) for cell in (entry["cells"] for entry in found["wheels"])} == {
        tuple(cell.id.split()) for cell in (here, there)
    }


def test_kernels_of_one_machine_are_what_its_own_wheels_hold() -> None:
    here, there = sorted(OF_BOTH, key=lambda cell: cell.machine, reverse=True)
    alone = read([here], rules=BOTH)
    assert alone["kernels"][0]["archs"] == ",".join(map(str, here.archs))
    assert alone["wheels"][0]["kernels"] == need_of(here, BOTH).label
    abroad = read([there], rules=BOTH)
    assert abroad["kernels"][0]["cells"] == here.id  # no machine but the first compiles kernels
    assert abroad["kernels"][0]["archs"] == ",".join(map(str, there.archs))
    assert [entry["runner"] for entry in abroad["wheels"]] == ['["ubuntu-24.04-arm"]']


def test_a_wheel_for_a_machine_that_the_workflows_have_not_is_refused() -> None:
    matrix = replace(BOTH, runners=replace(BOTH.runners, machines={}))
    with pytest.raises(SelectorError, match="no machine to make wheels for aarch64 on") as caught:
        read(OF_BOTH, rules=matrix)
    assert "runners: {machines: {aarch64: [...]}}" in caught.value.remedy


@given(hours=st.floats(0.01, 60))
@settings(deadline=None)
def test_a_share_is_as_long_as_it_may_be_and_the_shares_are_all_there(hours: float) -> None:
    found = read(ALL[:1], seconds=hours * 3600)["kernels"]
    assert [entry["shard"] for entry in found] == [f"{one}/{len(found)}" for one in range(1, len(found) + 1)]
    assert hours * 3600 / len(found) <= RUNNER.shard_seconds
    assert len(found) == 1 or hours * 3600 / (len(found) - 1) > RUNNER.shard_seconds


def test_where_a_matrix_has_no_room_the_shares_get_longer() -> None:
    sets = {need_of(cell, RULES).label for cell in ALL}
    found = read(ALL, seconds=100 * 3600, runner=replace(RUNNER, matrix=3 * len(sets) + 5))["kernels"]
    assert 2 * len(sets) <= len(found) <= 3 * len(sets) + 5


def test_too_many_for_one_run_is_said_and_not_cut_short() -> None:
    with pytest.raises(SelectorError, match="kernels are more than one run takes, which is 3"):
        read(ALL, runner=replace(RUNNER, matrix=3))


def test_without_a_gpu_runner_nothing_is_tried() -> None:
    assert read(ALL)["gpu_tests"] == []


def test_with_a_gpu_runner_one_python_of_each_stands_for_the_others() -> None:
    matrix = replace(RULES, runners=Runners(build=("linux",), gpu=("self-hosted", "h100")))
    some = [cell for cell in ALL if cell.torch == "2.6" and cell.cuda == "12.4"]
    found = {
        name: json.loads(text)
        for name, text in outputs(some, {need_of(some[0], RULES).label: 1}, matrix, RUNNER).items()
    }
    (entry,) = found["gpu_tests"]
    assert entry["file"] == "flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp313-cp313-linux_x86_64.whl"
    assert entry["wheel"] in {wheel["name"] for wheel in found["wheels"]}
    assert found["gpu_runner"] == ["self-hosted", "h100"]
