from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from factory.matrix import cells
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Planned, Runners, State
from factory.plan.page import PlanPage, SetEstimate, markdown
from tests.frozen import MATRIX
from tests.markdownpage import read

RULES = load_matrix(MATRIX.read_text(encoding="utf-8"))
EVERY = cells.expand(RULES)
BUILT = tuple(row for row in EVERY if row.state is State.BUILD)
NEED = SetEstimate(name="fa2 cu124", wheels=14, units=84, seconds=9000, cpu_seconds=18_000, peak=6_800_000_000)


def plan_page(rows: tuple[Planned, ...] = EVERY, built: tuple[Planned, ...] = BUILT) -> PlanPage:
    return PlanPage(rows=rows, built=built, sets=(NEED,), total="in all about 3h", images=("image of CUDA 12.4: x",))


def test_a_plan_says_what_is_built_what_that_takes_and_what_is_not() -> None:
    text = markdown(plan_page(), RULES)
    page = read(text)
    assert page.headings == ["Plan: 93 wheels to build", "To build", "What it takes", "Images"]
    assert "342 cells: 93 build, 158 on request, 91 skipped." in text
    first = ["2.7.4.post1", "12.4", "2.4", "FALSE", "3.9 3.10 3.11 3.12", "4", "full", "8.0 9.0"]
    assert first in page.rows
    assert ["fa2 cu124", "14", "84", "about 2h30m", "5h00m", "6.8 GB"] in page.rows
    assert [row[:2] for row in page.rows[-2:]] == [["42", "skipped"], ["49", "skipped"]]


def test_without_a_gpu_runner_the_page_says_that_wheels_are_untested() -> None:
    page = markdown(plan_page(), replace(RULES, runners=Runners(build=("x",), gpu=())))
    assert "> No wheel of this plan is tried on a GPU" in page
    assert "marked as untested" in page


def test_with_one_it_says_how_many_are_tried_where() -> None:
    page = markdown(plan_page(), replace(RULES, runners=Runners(build=("x",), gpu=("self-hosted", "gpu"))))
    assert "Tried on a GPU: 19 wheels, on self-hosted gpu." in page
    assert "untested" not in page


def test_where_all_is_published_nothing_is_left_and_it_says_since_when() -> None:
    rows = tuple(replace(row, state=State.PUBLISHED, reason="is in release v1 since 2026-11-22") for row in BUILT)
    page = markdown(PlanPage(rows=rows, built=(), sets=(), total="", images=()), RULES)
    assert page.startswith("## Plan: 0 wheels to build\n\n93 cells: 93 published.\n")
    assert "Nothing is left to build." in page
    assert "GPU" not in page
    assert "| 93 | published | is in release v1 since 2026-11-22 |" in page


@given(st.text())
def test_a_reason_stays_in_its_column(reason: str) -> None:
    page = read(markdown(plan_page((replace(EVERY[-1], reason=reason),), ()), RULES))
    assert [len(row) for row in page.rows] == [6, 6, 3, 3]
