"""How long to wait before asking GitHub again: as it says, else as its guide says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus

_LIMITED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})


def asked_wait(status: int, headers: Mapping[str, str], limits: Limits, *, said: str) -> float | None:
    """Return the seconds that an answer asks us to wait for, None where it is no matter of rates.

    ``headers`` have lower-case names; ``said`` is the answer's message. Source: GitHub's "Rate limits for the REST
    API" and "Best practices for using the REST API", whose addresses ``factory/data/github.toml`` has.
    """
    if status not in _LIMITED:
        return None
    if headers.get("retry-after", "").isdecimal():
        return float(headers["retry-after"])
    if headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdecimal():
        return max(float(headers["x-ratelimit-reset"]) - _clock(headers), 0.0) + 1
    if status == HTTPStatus.TOO_MANY_REQUESTS or "rate limit" in said.lower():
        return limits.unexplained_wait
    return None


def pause(writes: Sequence[float], now: float, limits: Limits) -> float:
    """Return the seconds to wait before the next write.

    ``writes`` are the times of those made, oldest first, and ``now`` is the present one, in seconds of one clock.
    """
    waits = [
        writes[-number] + span - now
        for number, span in ((limits.writes_a_minute, 60.0), (limits.writes_an_hour, 3600.0))
        if len(writes) >= number
    ]
    return max([0.0, *waits])


def least_seconds(count: int, limits: Limits) -> float:
    """Return the seconds that ``count`` writes take at the least, however fast the line is."""
    now, writes = 0.0, [0.0] * min(count, 1)
    for _ in range(count - 1):
        now += max(limits.seconds_between_writes, pause(writes, now + limits.seconds_between_writes, limits))
        writes.append(now)
    return now


def _clock(headers: Mapping[str, str]) -> float:
    """Return GitHub's own time in seconds since 1970; without one a reset in the past is assumed."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return float(headers["x-ratelimit-reset"])


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What GitHub takes: ``factory/data/github.toml``, which gives the sources. Sizes in bytes, times in seconds."""

    asset_bytes: int
    assets: int
    body_characters: int
    writes_a_minute: int
    writes_an_hour: int
    seconds_between_writes: float
    unexplained_wait: float
