"""Every verb that has a dry run, against a GitHub that says of each write that it was asked for one."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factory.__main__ import main
from factory.cli.parser import parser
from factory.errors import DryRunError
from factory.github.dryrun import rehearsing
from factory.publish.releases import Repository
from factory.update.issues import Issues
from tests.cli.test_update import images, index, server
from tests.githubserver import TOKEN, GithubServer
from tests.githubstore import REPOSITORY
from tests.publish.test_publish import exported
from tests.publishing import made_of_sdist, put_sdist, repository

__all__ = ["images", "index", "server"]  # fixtures

# What each verb with a dry run is given, and what it says it would do.
VERBS: dict[str, list[tuple[Callable[[Path], list[str]], str]]] = {
    "publish": [
        (lambda to: [str(made_of_sdist(to))], "would upload"),
        (lambda to: ["--partial", str(made_of_sdist(to))], "would upload"),
        (lambda to: ["--pools", str(exported(to, "a.cu"))], "would upload"),
    ],
    "update": [(lambda _: [], "would open")],
}
CASES = [(verb, given, said) for verb, cases in VERBS.items() for given, said in cases]


@pytest.fixture
def refusing(server: GithubServer, tmp_path: Path) -> Iterator[GithubServer]:
    """Refuses what would change anything."""
    matrix = tmp_path / "matrix.yaml"
    matrix.write_text(put_sdist(tmp_path / "cache", matrix.read_text(encoding="utf-8")), encoding="utf-8")
    server.fault = lambda method, _path: "" if method == "GET" else "403 forbidden"
    yield server
    assert [request for request in server.requests if request[0] != "GET"] == []
    assert (server.releases, server.issues) == ({}, {})


def test_every_verb_that_has_a_dry_run_is_tried() -> None:
    (verbs,) = (one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))  # noqa: SLF001  # argparse tells its verbs no other way
    with_it = {name for name, verb in verbs.choices.items() if "--dry-run" in verb.format_help()}
    assert with_it == VERBS.keys()


@pytest.mark.parametrize("case", CASES)
def test_a_dry_run_writes_nowhere(
    refusing: GithubServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    case: tuple[str, Callable[[Path], list[str]], str],
) -> None:
    verb, given, said = case
    words = given(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main([verb, "--dry-run", *words]) == 0
    assert said in capsys.readouterr().out
    assert refusing.requests
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


WRITES: list[Callable[[Repository, int], object]] = [
    lambda github, _: github.create("v2", "title"),
    lambda github, number: github.upload(number, "name", b"content"),
    lambda github, number: github.publish(number, "title", "body"),
    lambda github, number: github.remove_draft(number),
]


@pytest.mark.parametrize("write", WRITES)
def test_a_verb_that_forgot_it_is_stopped(server: GithubServer, write: Callable[[Repository, int], object]) -> None:
    github = repository(server)
    release = server.add("v1")
    github.look(release.id)
    with rehearsing(dry_run=True), pytest.raises(DryRunError, match="about to change something on GitHub"):
        write(github, release.id)
    github.close()
    assert {method for method, _ in server.requests} == {"GET"}


def test_a_verb_that_forgot_it_opens_no_issue_either(server: GithubServer) -> None:
    issues = Issues(REPOSITORY, token=TOKEN, api=server.api)
    with rehearsing(dry_run=True), pytest.raises(DryRunError):
        issues.open("title", "body")
    issues.close()
    assert server.requests == []
