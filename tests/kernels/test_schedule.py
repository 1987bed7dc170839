import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.kernels.schedule import Demand, Spent, admit, pace, remaining_seconds

GB = 10**9
DEMANDS = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=3),
    st.builds(Demand, seconds=st.floats(0.1, 500), peak=st.integers(1, 9 * GB)),
    min_size=1,
)


@given(DEMANDS, st.integers(1, 16), st.integers(1, 64 * GB))
def test_stays_within_jobs_and_memory(demand: dict[str, Demand], jobs: int, budget: int) -> None:
    chosen = admit(list(demand), [], demand, jobs=jobs, budget=budget)
    assert 1 <= len(chosen) <= jobs
    assert len(chosen) == 1 or sum(demand[key].peak for key in chosen) <= budget


@given(DEMANDS, st.integers(1, 16), st.integers(1, 64 * GB), st.data())
def test_everything_runs_in_the_end(demand: dict[str, Demand], jobs: int, budget: int, data: st.DataObject) -> None:
    waiting = set(demand)
    running: list[str] = []
    while waiting or running:
        started = admit(sorted(waiting), running, demand, jobs=jobs, budget=budget)
        waiting -= set(started)
        running += started
        assert len(running) <= jobs
        assert len(running) == 1 or sum((demand[key].peak for key in running), 0) <= budget
        running.remove(data.draw(st.sampled_from(running)))


def test_the_longest_goes_first_and_a_small_one_passes_what_does_not_fit() -> None:
    demand = {
        "long": Demand(seconds=90, peak=6 * GB),
        "middle": Demand(seconds=50, peak=6 * GB),
        "small": Demand(seconds=5, peak=1 * GB),
    }
    assert admit(list(demand), [], demand, jobs=2, budget=8 * GB) == ("long", "small")


def test_nothing_more_starts_when_memory_is_taken() -> None:
    demand = {"a": Demand(seconds=9, peak=6 * GB), "b": Demand(seconds=9, peak=6 * GB)}
    assert admit(["b"], ["a"], demand, jobs=2, budget=8 * GB) == ()


def test_remaining_is_never_less_than_the_longest() -> None:
    assert remaining_seconds([90, 10, -5], jobs=8) == 90
    assert remaining_seconds([90, 10, 80], jobs=2) == 90
    assert remaining_seconds([90, 10, 100], jobs=2) == 100
    assert remaining_seconds([], jobs=8) == 0


SPENT = st.builds(Spent, expected=st.floats(0.1, 500), taken=st.floats(0, 500), ended=st.booleans())


def test_the_pace_is_that_of_what_ended_and_of_what_is_overdue() -> None:
    assert pace([]) == 1
    assert pace([Spent(expected=10, taken=0, ended=False)]) == 1
    assert pace([Spent(expected=10, taken=9, ended=False)]) == 1
    assert pace([Spent(expected=10, taken=15, ended=False)]) == 1.5
    assert pace([Spent(expected=10, taken=5, ended=True)]) == 0.5
    assert pace([Spent(expected=10, taken=14, ended=True), Spent(expected=90, taken=10, ended=False)]) == 1.2


@given(st.lists(SPENT), st.floats(1.1, 5))
def test_what_still_runs_never_speaks_for_a_faster_machine(spent: list[Spent], factor: float) -> None:
    ended = [one for one in spent if one.ended]
    assert pace(spent) >= min(pace(ended), 1) * (1 - 1e-9)
    slow = [Spent(expected=one.expected, taken=one.expected * factor, ended=one.ended) for one in spent]
    assert pace(slow) == pytest.approx(factor if slow else 1)
