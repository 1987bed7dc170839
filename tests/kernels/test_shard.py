import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.kernels.shard import Shard, share
from factory.kernels.unit import Unit

SECONDS = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.floats(0.1, 500), max_size=40)


def shares(seconds: dict[str, float], of: int, order: list[str]) -> list[tuple[str, ...]]:
    units = [Unit(source=source, host=source, stub="") for source in order]
    numbers = range(1, of + 1)
    cut = [share(units, Shard(number=number, of=of), lambda unit: seconds[unit.source]) for number in numbers]
    return [tuple(unit.source for unit in one) for one in cut]


@given(SECONDS, st.integers(1, 9))
def test_every_unit_is_in_exactly_one_shard(seconds: dict[str, float], of: int) -> None:
    found = shares(seconds, of, list(seconds))
    assert sorted(source for one in found for source in one) == sorted(seconds)


@given(SECONDS, st.integers(1, 9), st.data())
def test_every_machine_cuts_alike(seconds: dict[str, float], of: int, data: st.DataObject) -> None:
    order = data.draw(st.permutations(list(seconds)))
    found = shares(seconds, of, list(seconds))
    assert [set(one) for one in shares(seconds, of, order)] == [set(one) for one in found]


@given(SECONDS, st.integers(1, 9))
def test_no_shard_takes_longer_than_another_by_more_than_one_unit(seconds: dict[str, float], of: int) -> None:
    loads = [sum(seconds[source] for source in one) for one in shares(seconds, of, list(seconds))]
    assert max(loads) - min(loads) <= max(seconds.values(), default=0) + 1e-6


def test_units_keep_their_order() -> None:
    assert shares({"c": 1, "a": 3, "b": 2}, 1, ["c", "a", "b"]) == [("c", "a", "b")]


@given(st.integers(1, 9999), st.data())
def test_round_trips(of: int, data: st.DataObject) -> None:
    shard = Shard(number=data.draw(st.integers(1, of)), of=of)
    assert Shard.parse(str(shard)) == shard


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1 of 2", "1/99999"])
def test_refuses_what_is_no_shard(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 2/8"):
        Shard.parse(text)
