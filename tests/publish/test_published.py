"""What is published, read from a GitHub that fails now and then."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.errors import UnreachableError
from factory.index import index
from factory.index.published import Published
from factory.wheel.sidecars import METADATA, REPORT, VERDICT
from tests.githubserver import FAULTS_OF_ANY, STALLS, GithubServer
from tests.publishing import make_wheel, policy, report_of, repository, verdict_of

TRIES = 3
FACTS = {"requires_python": ">=3.9", "extensions": [{"archs": ["sm_90"], "platform": "manylinux_2_28_x86_64"}]}
ODD: tuple[object, ...] = (None, True, -1, 1e308, "", "\ud800", [], {}, [1], {"a": 1})


def put(server: GithubServer, path: Path, *, report: object = None, verdict: object = None) -> None:
    """Publish one wheel with all that lies beside it, and a draft."""
    server.reset()
    release = server.add("v2.7.4.post1", draft=False)
    beside = {
        "": path.read_bytes(),
        REPORT: json.dumps(report or told_of(path)).encode(),
        VERDICT: json.dumps(verdict or json.loads(verdict_of(path).to_json())).encode(),
        METADATA: b"Name: flash-attn",
    }
    for suffix, content in beside.items():
        server.put(release, path.name + suffix, content)
    server.add("v9")


def told_of(path: Path) -> dict[str, object]:
    return {**json.loads(report_of(path).to_json()), "facts": FACTS}


def gathered(server: GithubServer, said: list[str]) -> tuple[Published, ...]:
    with_retries = repository(server).published(policy=policy(server, tries=TRIES), say=said.append)
    return index.gather(with_retries, known=(), say=said.append)


def during(fault: str, at: range) -> Callable[[str, str], str]:
    """Let the requests numbered ``at`` go wrong."""
    numbers = iter(range(1000))
    return lambda _method, _path: fault if next(numbers) in at else ""


def test_one_fault_or_two_anywhere_are_asked_again(server: GithubServer, tmp_path: Path) -> None:
    put(server, make_wheel(tmp_path))
    said: list[str] = []
    whole = gathered(server, said)
    assert [one.gpu.verdict for one in whole] == ["passed"]
    assert said == []
    requests = len(server.requests)
    schedules = [(fault, at, length) for fault in FAULTS_OF_ANY for at in range(requests) for length in (1, 2)]
    schedules += [(fault, at, 1) for fault in STALLS for at in range(requests)]
    assert len(schedules) > 60
    for fault, at, length in schedules:
        server.fault = during(fault, range(at, at + length))
        assert gathered(server, said) == whole, (fault, at, length)
    assert all(line.startswith("github: ") and "; again in" in line for line in said)


@pytest.mark.parametrize("fault", ["drop", "500", "429", "cut"])
def test_what_keeps_failing_is_told(server: GithubServer, tmp_path: Path, fault: str) -> None:
    put(server, make_wheel(tmp_path))
    said: list[str] = []
    server.fault = lambda _method, _path: fault
    with pytest.raises(UnreachableError, match="cannot be read on GitHub"):
        gathered(server, said)
    assert len(said) == TRIES
    assert len(server.requests) == TRIES + 1


def test_a_wait_of_hours_is_told_and_not_waited_for(server: GithubServer) -> None:
    server.retry_after = {"Retry-After": "7200"}
    server.fault = lambda _method, _path: "429"
    with pytest.raises(UnreachableError, match="asks us to wait 120 minutes"):
        gathered(server, [])


@pytest.mark.parametrize("kind", ["report", "verdict"])
def test_odd_types_in_what_lies_beside_a_wheel_leave_it_out(server: GithubServer, tmp_path: Path, kind: str) -> None:
    path = make_wheel(tmp_path)
    whole = told_of(path) if kind == "report" else json.loads(verdict_of(path).to_json())
    tried = 0
    for field in whole:
        for odd in ODD:
            put(server, path, **{kind: {**whole, field: odd}})
            said: list[str] = []
            assert len(gathered(server, said)) + len(said) == 1, (field, odd)
            tried += 1
    assert tried >= 70
