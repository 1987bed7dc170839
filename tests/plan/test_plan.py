import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from factory.kernels import costs
from factory.matrix import cells, kernelset, selector
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Matrix, Planned
from factory.output.log import Log
from factory.output.progress import duration
from factory.plan import plan
from factory.session import Session
from factory.system.machine import Limits
from tests.smallsdist import KERNELS, matrix_with_small_sdists

GB = 10**9


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(
        cache=tmp_path,
        env={},
        log=Log(Console(file=io.StringIO())),
        limits=Limits(jobs=2, budget=16 * GB),
    )


@pytest.fixture
def matrix(tmp_path: Path) -> Matrix:
    return load_matrix(matrix_with_small_sdists(tmp_path))


def chosen(matrix: Matrix, words: str, profile: str = "full") -> tuple[Planned, ...]:
    return selector.select(cells.expand(matrix, profile), selector.parse(words.split(), matrix))


def test_cells_that_differ_only_in_python_abi_or_torch_of_a_class_share_a_set(matrix: Matrix, session: Session) -> None:
    rows = chosen(matrix, "cu124 torch2.5 torch2.6")
    assert len(rows) == 10
    ((need, found),) = plan.estimates(rows, matrix, session).items()
    assert str(need) == "fa2.7.4.post1 cu124 8.0 9.0 full"
    assert found.units == KERNELS
    assert found.cpu_seconds / 2 <= found.seconds <= found.cpu_seconds


def test_another_toolkit_or_profile_is_another_set_and_another_torch_is_not(matrix: Matrix) -> None:
    words = ("cu128 torch2.9 cp312", "cu128 torch2.10 cp312", "cu130 torch2.10 cp312")
    rows = [row for word in words for row in (*chosen(matrix, word), *chosen(matrix, word, "smoke"))]
    assert len({kernelset.need_of(row.cell, matrix) for row in rows}) == 4


def test_little_memory_makes_it_slower(matrix: Matrix, session: Session) -> None:
    rows = chosen(matrix, "cu124 torch2.6 cp310")
    small = replace(session, limits=Limits(jobs=2, budget=7 * GB))
    (wide,), (narrow,) = (plan.estimates(rows, matrix, one).values() for one in (session, small))
    assert narrow.seconds == narrow.cpu_seconds == wide.cpu_seconds > wide.seconds


def test_the_table_shows_reasons_as_they_were_written(matrix: Matrix) -> None:
    (row,) = chosen(matrix, "cu124 torch2.6 cp310")
    output = io.StringIO()
    odd = replace(row, reason="see [bold]issue[/red] [8.0]")
    Console(file=output, width=160).print(plan.table([row, odd]))
    assert "2 cells" in output.getvalue()
    assert row.cell.id in output.getvalue()
    assert odd.reason in output.getvalue()


def test_the_summary_adds_up(matrix: Matrix, session: Session) -> None:
    rows = chosen(matrix, "cu124 torch2.6")
    first, last = plan.summary(plan.estimates(rows, matrix, session), len(rows), session)
    assert first.startswith("kernels fa2.7.4.post1 cu124 8.0 9.0 full: 3 units, about ")
    wheel = costs.table().wheel.seconds
    assert f"(2 jobs, 16.0 GB for compiles), {duration(wheel)} of it per wheel" in last
    assert plan.summary({}, 10, session) == [
        last.replace(last.split(" on ")[0], f"in all about {duration(10 * wheel)}")
    ]


def test_json_is_complete_and_refers_to_its_own_sets(matrix: Matrix, session: Session) -> None:
    rows = cells.expand(matrix)
    built = [row for row in rows if row.state == "build"]
    made = json.loads(plan.to_json(rows, plan.estimates(built, matrix, session), matrix))
    assert made["schema"] == plan.SCHEMA
    assert [cell["id"] for cell in made["cells"]] == [row.cell.id for row in rows]
    sets = {row["id"] for row in made["kernel_sets"]}
    assert {cell["kernels"] for cell in made["cells"] if cell["state"] == "build"} == sets
    names = [cell["release"] + cell["wheel"] for cell in made["cells"] if cell["state"] == "build"]
    assert len(set(names)) == len(names)
    assert "v2.7.4.post1flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp310-cp310-linux_x86_64.whl" in names
