from __future__ import annotations

import pytest

from factory.github.ratelimit import asked_wait, least_seconds, pause
from factory.publish.releases import limits

LIMITS = limits()
DATE = {"date": "Mon, 23 Nov 2026 12:00:00 GMT"}
NOW = 1795435200  # the same


@pytest.mark.parametrize(
    ("status", "headers", "said", "seconds"),
    [
        (429, {"retry-after": "17"}, "", 17),
        (403, {"retry-after": "17"}, "", 17),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW + 90)} | DATE, "", 91),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW - 90)} | DATE, "", 1),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW)}, "", 1),
        (403, {"x-ratelimit-remaining": "7"}, "You have exceeded a secondary rate limit", 60),
        (429, {"retry-after": "soon"}, "", 60),
        (403, {"x-ratelimit-remaining": "7"}, "Resource not accessible by integration", None),
        (500, {"retry-after": "17"}, "", None),
        (422, {}, "", None),
    ],
)
def test_github_is_taken_at_its_word(status: int, headers: dict[str, str], said: str, seconds: float | None) -> None:
    assert asked_wait(status, headers, LIMITS, said=said) == seconds


def test_writes_keep_to_the_minute_and_the_hour() -> None:
    assert pause([], 0, LIMITS) == 0
    assert pause([0.0] * 79, 1, LIMITS) == 0
    assert pause([0.0] * 80, 1, LIMITS) == 59
    assert pause([0.0] * 80, 61, LIMITS) == 0
    assert pause([60.0 * number for number in range(500)], 60.0 * 500, LIMITS) == 0
    assert pause([6.0 * number for number in range(500)], 3000.0, LIMITS) == 600


@pytest.mark.parametrize(("count", "seconds"), [(0, 0), (1, 0), (2, 1), (80, 79), (81, 80), (500, 499), (501, 3600)])
def test_many_writes_take_as_long_as_their_pace(count: int, seconds: float) -> None:
    assert least_seconds(count, LIMITS) == pytest.approx(seconds, abs=1)
