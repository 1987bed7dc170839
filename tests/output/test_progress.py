import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.output.progress import Snapshot, amount, duration, gigabytes

SECONDS = {"h": 3600, "m": 60, "s": 1}


def snapshot(*running: str) -> Snapshot:
    return Snapshot(
        done=12,
        total=84,
        running=running,
        elapsed=130,
        remaining=779.6,
        memory_used=7_240_000_000,
        memory_total=23_400_000_000,
    )


def test_the_line() -> None:
    assert snapshot("a", "b").line() == "12/84 units · 2m10s, about 13m00s to go · 7.2/23.4 GB · a, b"


def test_only_the_first_units_are_named() -> None:
    assert snapshot("a", "b", "c").line().endswith(" · a, b, c")
    assert snapshot("a", "b", "c", "d", "e").line().endswith(" · a, b, c and 2 more")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.4, "59s"), (59.6, "1m00s"), (3599.6, "1h00m"), (11_100, "3h05m"), (100_000, "27h46m")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(0, 1e7))
def test_a_duration_reads_back_within_its_smallest_unit(seconds: float) -> None:
    parts = re.findall(r"(\d+)([hms])", duration(seconds))
    smallest = SECONDS[parts[-1][1]]
    assert abs(sum(int(number) * SECONDS[unit] for number, unit in parts) - seconds) <= max(0.5, smallest)
    assert all(int(number) < 60 for number, _ in parts[1:])


def test_gigabytes_are_decimal() -> None:
    assert gigabytes(1_500_000_000) == "1.5"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes (0.0 MB)"), (41_231_204, "41231204 bytes (41.2 MB)"), (1_900_000_000, "1900000000 bytes (1.9 GB)")],
)
def test_amounts_are_for_programs_and_people(size: int, text: str) -> None:
    assert amount(size) == text
