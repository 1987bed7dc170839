import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from factory.kernels import costs
from factory.matrix import cells, kernelset, selector
from factory.matrix.arch import Arch
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Matrix, Planned
from factory.output.log import Log
from factory.output.progress import duration
from factory.plan import document, listing, plan
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


def test_for_another_machine_only_host_code_and_its_own_architectures_are_counted(
    matrix: Matrix, session: Session
) -> None:
    (row,) = chosen(matrix, "cu130 torch2.11 cp312", "smoke")
    there = replace(row, cell=replace(row.cell, machine="aarch64"))
    more = replace(there, cell=replace(there.cell, archs=(*row.cell.archs, Arch(11, 0))))
    alone = plan.estimates([there], matrix, session)[kernelset.need_of(there.cell, matrix)]
    found = plan.estimates([there, more, row], matrix, session)
    here, same, further = (found[kernelset.need_of(one.cell, matrix)] for one in (row, there, more))
    assert (here.shared, same.shared, further.shared, alone.shared) == (False, True, True, False)
    assert alone.cpu_seconds == here.cpu_seconds
    assert same.cpu_seconds == KERNELS * costs.table().host.seconds < further.cpu_seconds < here.cpu_seconds
    words = [line for line in plan.kernels(found, [there, more, row], matrix) if " aarch64, for" in line]
    assert all("with the machine code of a set before it" in line for line in words)
    assert len(words) == 2


def test_another_toolkit_or_profile_is_another_set_and_another_torch_is_not(matrix: Matrix) -> None:
    words = ("cu128 torch2.9 cp312", "cu128 torch2.10 cp312", "cu130 torch2.10 cp312")
    rows = [row for word in words for row in (*chosen(matrix, word), *chosen(matrix, word, "smoke"))]
    assert len({kernelset.need_of(row.cell, matrix) for row in rows}) == 4


def test_little_memory_makes_it_slower(matrix: Matrix, session: Session) -> None:
    rows = chosen(matrix, "cu124 torch2.6 cp310")
    small = replace(session, limits=Limits(jobs=2, budget=7 * GB))
    (wide,), (narrow,) = (plan.estimates(rows, matrix, one).values() for one in (session, small))
    assert narrow.seconds == narrow.cpu_seconds == wide.cpu_seconds > wide.seconds


def printed(table: Table) -> str:
    output = io.StringIO()
    Console(file=output, width=160).print(table)
    return output.getvalue()


@pytest.mark.parametrize("lay_out", [listing.every, listing.grouped])
def test_a_table_shows_reasons_as_they_were_written(matrix: Matrix, lay_out: Callable[[list[Planned]], Table]) -> None:
    (row,) = chosen(matrix, "cu124 torch2.6 cp310")
    odd = replace(row, reason="see [bold]issue[/red] [8.0]")
    shown = printed(lay_out([row, odd]))
    assert "2 cells" in shown
    assert odd.reason in shown


def test_cells_that_differ_in_python_alone_are_one_row(matrix: Matrix) -> None:
    rows = chosen(matrix, "cu124 torch2.5 torch2.6")
    shown = printed(listing.grouped(rows))
    assert [line.count("cu124") for line in shown.splitlines()].count(1) == 2
    assert "│ cu124 torch2.6 abiFALSE fa2.7.4.post1 x86_64 │ cp39 cp310 cp311 cp312 cp313 │ build │" in shown
    every = printed(listing.every(rows))
    assert all(row.cell.id in every for row in rows)


def test_what_is_not_shown_is_counted(matrix: Matrix) -> None:
    rows = cells.expand(matrix)
    built = [row for row in rows if row.state == "build"]
    said = listing.others(rows, built)
    assert said.startswith(f"{len(rows) - len(built)} other cells: ")
    assert "0 build" not in said
    assert said.endswith("nox -s plan -- --all")
    assert listing.others(rows, rows) == ""


def test_the_summary_adds_up(matrix: Matrix, session: Session) -> None:
    rows = chosen(matrix, "cu124 torch2.6")
    sets = plan.estimates(rows, matrix, session)
    (first,) = plan.kernels(sets, rows, matrix)
    assert first.startswith("kernels fa2.7.4.post1 cu124 8.0 9.0 full, for 5 wheels of torch 2.6: 3 units, about ")
    more = chosen(matrix, "cu124 torch2.4 torch2.5 torch2.6")
    assert "wheels of torch 2.4 to 2.6: " in plan.kernels(sets, more, matrix)[0]
    wheel = costs.table().wheel.seconds
    last = plan.total(sets, len(rows), session)
    assert f"(2 jobs, 16.0 GB for compiles), {duration(wheel)} of it per wheel" in last
    assert plan.total({}, 10, session) == last.replace(last.split(" on ")[0], f"in all about {duration(10 * wheel)}")


def test_json_is_complete_and_refers_to_its_own_sets(matrix: Matrix, session: Session) -> None:
    rows = cells.expand(matrix)
    built = [row for row in rows if row.state == "build"]
    made = json.loads(plan.to_json(rows, plan.estimates(built, matrix, session), matrix))
    assert made["schema"] == document.SCHEMA
    assert [cell["id"] for cell in made["cells"]] == [row.cell.id for row in rows]
    sets = {row["id"] for row in made["kernel_sets"]}
    assert {cell["kernels"] for cell in made["cells"] if cell["state"] == "build"} == sets
    names = [cell["release"] + cell["wheel"] for cell in made["cells"] if cell["state"] == "build"]
    assert len(set(names)) == len(names)
    assert "v2.7.4.post1flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp310-cp310-linux_x86_64.whl" in names
