from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.doctor.result import State
from factory.doctor.versionbound import Bound, series
from factory.versions import numbers

OK, WARNING, PROBLEM = State.OK, State.WARNING, State.PROBLEM


@pytest.mark.parametrize(
    ("bound", "version", "state"),
    [
        (Bound(wanted="12.4"), "12.4.131", OK),
        (Bound(wanted="12.4"), "12.40", PROBLEM),
        (Bound(wanted="2.1"), "2.10.0", PROBLEM),
        (Bound(wanted="2.6"), "2.6.0a0+ecf3bae40a.nv25.01", OK),
        (Bound(minimum="12.1", wanted="12.4"), "12.4", OK),
        (Bound(minimum="12.1", wanted="12.4"), "13.0.88", OK),
        (Bound(minimum="12.1", wanted="12.4"), "12.1.105", WARNING),
        (Bound(minimum="12.1", wanted="12.4"), "11.8", PROBLEM),
        (Bound(minimum="3.9", wanted="3.10"), "3.9", WARNING),
        (Bound(minimum="", wanted="2.6.0"), "2.5.1", WARNING),
        (Bound(minimum="", wanted="2.6.0"), "nonsense", WARNING),
        (Bound(wanted="2.6"), "nonsense", PROBLEM),
    ],
)
def test_a_version_is_held_to_a_bound(bound: Bound, version: str, state: State) -> None:
    assert bound.judge(version) is state


def test_a_bound_says_what_it_asks_for() -> None:
    assert str(Bound(wanted="12.4")) == "12.4"
    assert str(Bound(minimum="12.1", wanted="12.4")) == "12.1 or newer, 12.4 or newer recommended"
    assert str(Bound(minimum="", wanted="2.6.0")) == "2.6.0 or newer recommended"


@given(st.lists(st.integers(0, 9999), min_size=1, max_size=5), st.sampled_from(["", "+cu124", "a0", "-git", " x"]))
def test_numbers_reads_what_stands_in_front(parts: list[int], rest: str) -> None:
    assert numbers(".".join(map(str, parts)) + rest) == tuple(parts)


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    assert all(part >= 0 for part in numbers(text))
    assert len(series(text).split(".")) <= 2
