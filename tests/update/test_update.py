"""Against a GitHub on this machine that is held to GitHub's own description."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.errors import UpdateError
from factory.github import client as githubclient
from factory.system.retry import RetryPolicy
from factory.update.issues import Issues
from factory.update.proposal import Proposal, keys_in
from factory.update.update import rehearse, update
from tests.githubserver import FAULTS_OF_ANY, TOKEN, GithubServer
from tests.githubstore import REPOSITORY

RULES = replace(githubclient.limits(), seconds_between_writes=0.0)
PROPOSALS = [
    Proposal(
        subject=subject,
        version=version,
        title=f"{subject} {version} is new",
        found=("seen",),
        lines=(),
        checks=(),
        alone=subject == "image digests",
    )
    for subject in ("flash-attn", "torch", "image digests", "action actions/cache")
    for version in ("1.0", "1.1")
]
OBSERVED = st.lists(st.sampled_from(PROPOSALS), unique=True, max_size=5)
FAULTS = st.lists(st.sampled_from(("", *FAULTS_OF_ANY)), max_size=10)
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def client(server: GithubServer, kind: type[Issues] = Issues) -> Issues:
    return kind(REPOSITORY, token=TOKEN, api=server.api, silence=5.0, rules=RULES)


def updated(
    server: GithubServer, proposals: Sequence[Proposal], *, kind: type[Issues] = Issues, tries: int = 12
) -> dict[str, int]:
    issues = client(server, kind)
    policy = RetryPolicy(tries=tries, sleep=server.sleep, clock=server.now)
    try:
        return update(proposals, issues=issues, say=str, policy=policy)
    finally:
        issues.close()


def opened(server: GithubServer) -> Counter[str]:
    return Counter(key for issue in server.issues.values() if issue.state == "open" for key in keys_in(issue.body))


def posts(server: GithubServer) -> int:
    return sum(method != "GET" for method, _ in server.requests)


def expected(observed: Sequence[Proposal]) -> Counter[str]:
    """Give what has an issue of its own: of those that are alone the first only."""
    alone = [one.key for one in observed if one.alone]
    return Counter([one.key for one in observed if not one.alone] + alone[:1])


@FEW
@given(observed=OBSERVED)
def test_a_second_run_opens_nothing(server: GithubServer, observed: list[Proposal]) -> None:
    server.reset()
    first = updated(server, observed)
    assert opened(server) == expected(observed)
    server.requests.clear()
    assert updated(server, observed) == first
    assert posts(server) == 0


@FEW
@given(first=OBSERVED, second=OBSERVED, closed=st.sets(st.integers(1, 5)))
def test_what_was_opened_or_closed_once_is_never_opened_again(
    server: GithubServer, first: list[Proposal], second: list[Proposal], closed: set[int]
) -> None:
    server.reset()
    updated(server, first)
    for number in closed & set(server.issues):
        server.issues[number].state = "closed"
    updated(server, second)
    everything = Counter(key for issue in server.issues.values() for key in keys_in(issue.body))
    assert set(everything.values()) <= {1}
    assert {one.key for one in second if not one.alone} <= set(everything)


@FEW
@given(observed=OBSERVED, faults=FAULTS)
def test_whatever_goes_wrong_there_is_one_issue_for_each(
    server: GithubServer, observed: list[Proposal], faults: list[str]
) -> None:
    server.reset()
    coming = iter(faults)
    server.fault = lambda _method, _path: next(coming, "")
    numbers = updated(server, observed)
    assert opened(server) == expected(observed)
    assert set(numbers) == {one.key for one in observed}


class Overtaken(Issues):
    """Another run opens the same just before this one does, after both have looked."""

    server: GithubServer

    def open(self, title: str, body: str) -> int:
        self.server.add_issue(title, body)
        return super().open(title, body)


def test_of_two_runs_at_once_the_later_closes_its_issue(server: GithubServer) -> None:
    Overtaken.server = server
    numbers = updated(server, PROPOSALS[:2], kind=Overtaken)
    assert opened(server) == expected(PROPOSALS[:2])
    closed = [issue for issue in server.issues.values() if issue.state == "closed"]
    assert [issue.reason for issue in closed] == ["duplicate"] * 2
    assert all(
        numbers[key] == issue.number
        for issue in server.issues.values()
        if issue.state == "open"
        for key in keys_in(issue.body)
    )


class Followed(Issues):
    """Another run opens the same just after this one did."""

    server: GithubServer

    def open(self, title: str, body: str) -> int:
        number = super().open(title, body)
        self.server.add_issue(title, body)
        return number


def test_of_two_runs_at_once_the_earlier_leaves_the_other_its_own(server: GithubServer) -> None:
    Followed.server = server
    updated(server, PROPOSALS[:1], kind=Followed)
    assert [issue.state for issue in server.issues.values()] == ["open", "open"]


def test_a_limit_of_rates_is_waited_out(server: GithubServer) -> None:
    coming = iter(["", "429"])
    server.fault = lambda _method, _path: next(coming, "")
    before = server.clock
    updated(server, PROPOSALS[:1])
    assert (server.clock - before).total_seconds() >= 30
    assert opened(server) == expected(PROPOSALS[:1])


@pytest.mark.parametrize("fault", ["500", "429", "stored 500"])
def test_a_github_that_keeps_failing_is_told(server: GithubServer, fault: str) -> None:
    server.fault = lambda method, _path: fault if method == "GET" else ""
    with pytest.raises(UpdateError, match="not every issue could be opened") as caught:
        updated(server, PROPOSALS, tries=2)
    assert "nox -s update" in caught.value.remedy
    assert posts(server) == 0


def test_a_wait_that_is_too_long_is_not_waited(server: GithubServer) -> None:
    server.retry_after = {"Retry-After": "7200"}
    server.fault = lambda _method, _path: "429"
    with pytest.raises(UpdateError):
        updated(server, PROPOSALS)
    assert len(server.requests) == 1


def test_a_stranger_cannot_keep_what_is_new_a_secret(server: GithubServer) -> None:
    server.add_issue("innocent", PROPOSALS[0].body).association = "NONE"
    updated(server, PROPOSALS[:1])
    assert opened(server) == {PROPOSALS[0].key: 2}


def test_a_rehearsal_shows_the_issues_and_opens_none(server: GithubServer) -> None:
    updated(server, PROPOSALS[:1])
    server.requests.clear()
    said: list[str] = []
    issues = client(server)
    rehearse(PROPOSALS[:2], listed=issues.listed(), say=said.append)
    issues.close()
    assert said[0] == "update (dry run): flash-attn 1.0 is new: #1 is about it (open)"
    assert said[1].startswith("update (dry run): would open 'flash-attn 1.1 is new':")
    assert PROPOSALS[1].body in said[1]
    assert posts(server) == 0
