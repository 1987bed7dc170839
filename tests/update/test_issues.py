"""Against a GitHub on this machine that is held to GitHub's own description; tests/update/test_update.py has more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from factory.errors import UpdateError
from factory.github import client as githubclient
from factory.system.retry import TroubleError
from factory.update.issues import Issues
from factory.update.ledger import Issue
from factory.update.proposal import mark
from tests.githubserver import TOKEN, GithubServer
from tests.githubstore import REPOSITORY

RULES = replace(githubclient.limits(), seconds_between_writes=0.0)


@pytest.fixture
def client(server: GithubServer) -> Iterator[Issues]:
    client = Issues(REPOSITORY, token=TOKEN, api=server.api, silence=30.0, rules=RULES)
    yield client
    client.close()


def test_an_issue_is_opened_listed_and_closed(server: GithubServer, client: Issues) -> None:
    server.add_issue("a person's", "about something else")
    number = client.open("torch 2.16.0", f"text\n{mark('torch 2.16.0')}")
    opened = Issue(number=number, open=True, keys=("torch 2.16.0",), trusted=True)
    assert client.listed() == (opened,)
    client.close_duplicate(number, of=1)
    assert client.listed() == (replace(opened, open=False),)
    stored = server.issues[number]
    assert (stored.reason, stored.body.splitlines()[0]) == ("duplicate", "The same as #1.")


def test_many_issues_are_listed(server: GithubServer, client: Issues) -> None:
    for number in range(101):
        server.add_issue("x", mark(f"torch {number}"))
    assert len(client.listed()) == 101


@pytest.mark.parametrize(
    ("association", "by_program", "trusted"),
    [("MEMBER", False, True), ("NONE", True, True), ("NONE", False, False), ("CONTRIBUTOR", False, False)],
)
def test_a_stranger_s_issue_hides_nothing(
    server: GithubServer, client: Issues, *, association: str, by_program: bool, trusted: bool
) -> None:
    issue = server.add_issue("x", mark("torch 2.16.0"))
    issue.association, issue.by_program = association, by_program
    assert [one.trusted for one in client.listed()] == [trusted]


def test_where_issues_are_switched_off_it_is_told_how_to_switch_them_on(server: GithubServer, client: Issues) -> None:
    server.takes_issues = False
    with pytest.raises(UpdateError, match="takes no issues") as caught:
        client.open("x", "y")
    assert "Settings, Features, Issues" in caught.value.remedy


def test_what_a_token_needs_is_told(server: GithubServer, client: Issues) -> None:
    server.fault = lambda _method, _path: "403 forbidden"
    with pytest.raises(UpdateError) as caught:
        client.open("x", "y")
    assert "`issues: write`" in caught.value.remedy


def test_an_issue_may_be_stored_although_the_answer_is_lost(server: GithubServer, client: Issues) -> None:
    server.fault = lambda _method, _path: "stored 500"
    with pytest.raises(TroubleError) as caught:
        client.open("x", "y")
    assert caught.value.unsure
    assert len(server.issues) == 1
