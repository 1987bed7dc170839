from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.kernels.page import Tally, UnitCost, markdown
from tests.markdownpage import read

UNITS = [
    UnitCost(name=f"unit{number}", cpu_seconds=100.0 * number, wall_seconds=50.0 * number, peak=number * 10**9)
    for number in range(1, 21)
]
TALLY = Tally(
    name="fa2 cu124, shard 1/4",
    units=20,
    pooled=tuple(UNITS[:5]),
    fetched=tuple(UNITS[5:6]),
    compiled=tuple(UNITS[6:19]),
    left=1,
    seconds=3600,
)


def test_a_set_says_where_its_units_came_from_and_what_they_took() -> None:
    page = read(markdown([TALLY]))
    assert page.headings == ["⏳ Kernels: 1 of 20 units is left", "Slowest units"]
    assert page.rows[1] == [TALLY.name, "20", "5 (25%)", "1", "13", "1", "1h00m", "4h41m", "19.0 GB"]
    assert page.rows[3] == ["unit19", TALLY.name, "15m50s", "31m40s", "19.0 GB"]
    assert len(page.rows) == 2 + 1 + 10


def test_what_the_pool_saved_is_told() -> None:
    assert "The pool saved 35m00s of CPU time." in markdown([TALLY])


def test_a_set_that_was_all_there_has_no_slowest_units() -> None:
    whole = Tally(name="x", units=2, pooled=tuple(UNITS[:2]), fetched=(), compiled=(), left=0, seconds=1)
    page = read(markdown([whole]))
    assert page.headings == ["✅ Kernels: 2 units are in the pool"]
    assert page.rows[1] == ["x", "2", "2 (100%)", "0", "0", "0", "1s", "", ""]


def test_units_fetched_before_they_were_counted_are_counted_as_fetched() -> None:
    other = TALLY.with_fetched({"unit2", "unit9", "unit20"})
    assert [unit.name for unit in other.pooled] == ["unit1", "unit3", "unit4", "unit5"]
    assert [unit.name for unit in other.fetched] == ["unit6", "unit2"]
    assert other.compiled == TALLY.compiled


COSTS = st.lists(
    st.builds(
        UnitCost,
        name=st.text(),
        cpu_seconds=st.floats(0, 1e6),
        wall_seconds=st.floats(0, 1e6),
        peak=st.integers(0, 2**40),
    ),
    max_size=3,
).map(tuple)
TALLIES = st.builds(
    Tally,
    name=st.text(),
    units=st.integers(0, 99),
    pooled=COSTS,
    fetched=COSTS,
    compiled=COSTS,
    left=st.integers(0, 99),
    seconds=st.floats(0, 1e6),
)


@given(TALLIES)
def test_a_count_comes_whole_out_of_a_container(tally: Tally) -> None:
    assert Tally.from_json(tally.to_json()) == tally


@pytest.mark.parametrize("text", ["", "{}", '{"name": 1}', "[]"])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Tally.from_json(text)


@given(st.lists(TALLIES, min_size=1, max_size=3))
def test_whatever_names_are_the_table_keeps_its_columns(tallies: list[Tally]) -> None:
    page = read(markdown(tallies))
    assert [len(row) for row in page.rows[: len(tallies) + 1]] == [9] * (len(tallies) + 1)
    assert {len(row) for row in page.rows[len(tallies) + 1 :]} <= {5}
