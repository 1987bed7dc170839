import pytest

from factory.system.machine import parse_max_jobs


@pytest.mark.parametrize(("text", "jobs"), [("32", 32), ("007", 7), ("999999", 999_999)])
def test_digits_count(text: str, jobs: int) -> None:
    assert parse_max_jobs(text) == jobs


@pytest.mark.parametrize("text", ["", "0", "-1", "4 ", "many", "\N{SUPERSCRIPT TWO}", "9" * 5000])
def test_what_is_no_number_of_jobs(text: str) -> None:
    assert parse_max_jobs(text) is None
