"""Against a GitHub on this machine that is held to GitHub's own description."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from factory.errors import UpdateError
from factory.system.retry import TroubleError
from factory.update.actionrelease import newest
from factory.update.actions import Tag
from tests.githubissues import StoredTag
from tests.githubserver import GithubServer

COMMIT, ANNOTATED = "c0" * 20, "a1" * 20
PUBLISHED = datetime(2025, 11, 1, 12, tzinfo=UTC)  # of all releases there


@pytest.mark.parametrize("annotated", ["", ANNOTATED])
def test_a_tag_is_followed_to_its_commit(server: GithubServer, annotated: str) -> None:
    server.tags["actions/checkout"] = StoredTag(name="v7.0.1", commit=COMMIT, annotated=annotated)
    assert newest("actions/checkout", token=None, api=server.api) == Tag(
        name="v7.0.1", commit=COMMIT, published=PUBLISHED
    )


def test_a_repository_without_a_release_is_told(server: GithubServer) -> None:
    with pytest.raises(UpdateError, match="GitHub shows no latest release of actions/nothing"):
        newest("actions/nothing", token=None, api=server.api)


@pytest.mark.parametrize("fault", ["500", "429", "cut", "drop"])
def test_what_may_pass_is_trouble(server: GithubServer, fault: str) -> None:
    server.tags["actions/checkout"] = StoredTag(name="v7.0.1", commit=COMMIT)
    server.fault = lambda _method, _path: fault
    with pytest.raises(TroubleError):
        newest("actions/checkout", token=None, api=server.api)
