from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from factory.matrix import cells
from factory.matrix.difference import Side, difference
from factory.matrix.load import load as load_matrix
from factory.matrix.model import State
from factory.matrix.page import incomparable, markdown
from tests.frozen import MATRIX
from tests.markdownpage import read

EVERY = cells.expand(load_matrix(MATRIX.read_text(encoding="utf-8")))
NOW = Side(planned=EVERY, facts={("max_jobs",): "32"})


def test_the_page_has_wheels_first_then_facts_then_the_rest() -> None:
    page = read(markdown(difference(Side(planned=(), facts={("max_jobs",): "8"}), NOW), "main/matrix.yaml"))
    assert page.headings == ["Plan against main/matrix.yaml", "Wheels that are built by default", "Facts"]
    assert page.rows[0] == ["cells", "which", "change"]
    assert page.items == ["max_jobs: 8 → 32"]
    assert sum(int(row[0]) for row in page.rows if row[0].isdigit()) == len(EVERY)


def test_no_difference_is_a_short_page() -> None:
    assert markdown(difference(NOW, NOW), "x") == (
        "## Plan against x\n\nnothing changes: the same cells, the same facts.\n"
    )


@given(st.text(), st.text())
def test_reasons_and_values_stay_in_their_places(reason: str, value: str) -> None:
    row = replace(EVERY[0], state=State.SKIPPED, reason=reason)
    found = difference(
        replace(NOW, planned=(*EVERY[:5], *EVERY[-5:])),
        Side(planned=(row,), facts={("max_jobs",): value, ("runners", "gpu"): "[a]"}),
    )
    page = read(markdown(found, value))
    assert {len(row) for row in page.rows} == {3}
    assert len(page.items) == 2
    assert len(page.html) == 2  # the fold's own, open and close


def test_a_file_that_cannot_be_read_is_told_with_what_is_planned() -> None:
    page = read(incomparable("old|.yaml", ["old.yaml:3: <b>"], "planned now: 93 build"))
    assert page.headings == ["Plan against old|.yaml: cannot be compared"]
    assert page.items == ["old.yaml:3: <b>"]
