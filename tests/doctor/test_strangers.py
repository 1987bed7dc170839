"""The settings of a repository, from a GitHub on this machine that is held to GitHub's own description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from factory.doctor import strangers
from factory.errors import UsageError
from factory.github.settings import SettingsReader
from factory.matrix.load import load as load_matrix
from tests.frozen import MATRIX
from tests.githubserver import TOKEN, GithubServer, github_server
from tests.githubstore import REPOSITORY

RULES = load_matrix(MATRIX.read_bytes())


@pytest.fixture(scope="module")
def served() -> Iterator[GithubServer]:
    with github_server() as made:
        yield made


@pytest.fixture
def server(served: GithubServer) -> GithubServer:
    served.reset()
    return served


def told(server: GithubServer, *, gpu: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
    reader = SettingsReader(REPOSITORY, token=TOKEN, api=server.api)
    rules = replace(RULES, runners=replace(RULES.runners, gpu=gpu))
    found = strangers.section(REPOSITORY, reader.read(), rules)
    reader.close()
    assert server.wrong == []
    return [(line.state, line.subject, line.said) for line in found.lines]


def test_a_repository_as_github_makes_it_lets_strangers_in_once_it_has_a_machine(server: GithubServer) -> None:
    approval, runners, *environments = told(server)
    assert approval[:2] == ("warning", "approval")
    assert runners[0] == "ok"
    assert [line[0] for line in environments] == ["problem", "problem"]
    assert "every branch and tag" in environments[0][2]
    assert told(server, gpu=("box",))[0][0] == "problem"


def test_a_repository_that_keeps_strangers_out(server: GithubServer) -> None:
    server.approval = "all_external_contributors"
    server.runners = {"box": True}
    server.environments = {"publish": ("main",), "github-pages": ("main",)}
    assert {line[0] for line in told(server, gpu=("box",))} == {"ok"}


def test_a_runner_that_stays_and_a_tag_that_deploys_are_told(server: GithubServer) -> None:
    server.runners = {"box": False, "old": None}
    server.environments = {"publish": ("main", "factory-*"), "github-pages": None}
    lines = told(server)
    assert lines[0][0] == "problem"
    assert ["stays after a job" in lines[1][2], "does not say" in lines[2][2]] == [True, True]
    assert "branch main, branch factory-*" in lines[3][2]


def test_a_token_that_may_not_look_is_told_what_it_needs(server: GithubServer) -> None:
    reader = SettingsReader(REPOSITORY, token=None, api=server.api)
    with pytest.raises(UsageError) as caught:
        reader.read()
    reader.close()
    assert "administration: read" in caught.value.remedy
