"""The local GitHub server as a rehearsal uses it: a token for each job, and Pages."""

from __future__ import annotations

from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from factory.cli import repository
from factory.errors import PublishError
from factory.publish.releases import Repository
from tests.githubstore import REPOSITORY
from tests.rehearsal.forge import forge


def test_only_a_token_with_the_right_to_write_writes() -> None:
    with forge() as (github, server):
        allowed, reading = (
            Repository(REPOSITORY, token=github.token(permissions), api=github.api)
            for permissions in ({"contents": "write"}, {"contents": "read"})
        )
        allowed.publish(allowed.look(allowed.create("v1", "title"))[0].id, "title", "text")
        assert [tag for tag, _ in reading.published()] == ["v1"]
        with pytest.raises(PublishError, match="the token may not do that"):
            reading.create("v2", "title")
        assert server.wrong == []
        allowed.close()
        reading.close()


def test_pages_are_where_the_factory_looks_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cu124").mkdir()
    (tmp_path / "cu124" / "index.html").write_text("a page")
    with forge() as (github, _):
        monkeypatch.setenv("GITHUB_SERVER_URL", github.server)
        assert repository.pages(REPOSITORY) == github.pages
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{github.pages}/cu124/", timeout=10)  # noqa: S310 - of this machine
        github.publish(tmp_path)
        with urlopen(f"{github.pages}/cu124/", timeout=10) as answer:  # noqa: S310 - of this machine
            assert answer.headers["Content-Type"] == "text/html"
            assert answer.read() == b"a page"


def test_pages_of_github_are_at_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for server in ("", "https://github.com"):
        monkeypatch.setenv("GITHUB_SERVER_URL", server)
        assert repository.pages("Someone/wheels") == "https://someone.github.io/wheels"
