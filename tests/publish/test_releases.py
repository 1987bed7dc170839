"""Against a GitHub on this machine that is held to GitHub's own description; tests/publish/test_publish.py has more."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.errors import PublishError
from factory.index.released import of_release
from factory.publish import releases
from factory.publish.releases import Repository, TroubleError
from tests.githubserver import TOKEN, GithubServer
from tests.publish.test_publish import published
from tests.publishing import TAG, make_wheel, repository

WHEEL = b"a wheel" * 1000


@pytest.fixture
def client(server: GithubServer) -> Iterator[Repository]:
    client = repository(server)
    yield client
    client.close()


def test_a_release_is_made_filled_found_and_read(server: GithubServer, client: Repository, tmp_path: Path) -> None:
    number = client.create(TAG, "flash-attn 2.7.4.post1")
    client.look(number)
    client.upload(number, "small", b"text")
    (tmp_path / "file").write_bytes(WHEEL)
    client.upload(number, "large+1.whl", tmp_path / "file")
    assert [release.draft for release in client.find(TAG)] == [True]
    release, now = client.look(number)
    assert now == server.clock
    assert [(one.name, one.size, one.finished) for one in release.assets] == [
        ("small", 4, True),
        ("large+1.whl", 7000, True),
    ]
    assert client.read(release.assets[0].id) == b"text"
    assert client.digest(release.assets[1].id) == release.assets[1].sha256
    client.publish(number, "a title", "a text")
    assert [(release.draft, release.body) for release in client.find(TAG)] == [(False, "a text")]


def test_an_unfinished_asset_is_seen_and_removed(server: GithubServer, client: Repository) -> None:
    release = server.add(TAG)
    half = server.put(release, "half", b"x", "starter")
    (seen,) = client.look(release.id)[0].assets
    assert (seen.finished, seen.sha256, seen.created) == (False, None, server.clock)
    client.remove(release.id, half.id)
    assert release.assets == {}


def test_an_asset_that_was_finished_meanwhile_is_not_removed(server: GithubServer, client: Repository) -> None:
    release = server.add(TAG)
    half = server.put(release, "half", b"x", "starter")
    client.look(release.id)
    half.state = "uploaded"
    client.remove(release.id, half.id)
    assert release.named("half") is half


def test_only_an_empty_draft_is_removed(server: GithubServer, client: Repository) -> None:
    empty, public, full = server.add(TAG), server.add(TAG, draft=False), server.add(TAG)
    server.put(full, "half", b"x", "starter")
    for number in (empty.id, public.id, full.id, 99):
        client.remove_draft(number)
    assert list(server.releases) == [public.id, full.id]


def test_the_index_is_given_what_is_public(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, tested=True)
    published(server, wheel)
    server.add("v9")
    client = repository(server, token=None)
    ((tag, assets),) = client.published()
    assert tag == TAG
    by_name = {asset.name: asset for asset in assets}
    assert by_name[f"{wheel.name}.metadata"].read().startswith(b"Metadata-Version")
    assert by_name[wheel.name].updated_at == "2026-11-23T12:00:00Z"
    _, complaints = of_release(tag, assets)
    assert all("extensions" in line for line in complaints)  # the small wheel's report has no facts
    client.close()


def test_without_a_token_drafts_are_not_seen_and_nothing_is_changed(server: GithubServer) -> None:
    server.add(TAG)
    client = repository(server, token=" ")  # noqa: S106 - none
    assert client.find(TAG) == ()
    with pytest.raises(PublishError, match="GitHub does not take the token"):
        client.create(TAG, "x")
    client.close()


def test_a_wrong_token_and_a_weak_one_are_told_apart(server: GithubServer) -> None:
    wrong = repository(server, token="ghp_wrong")  # noqa: S106 - not one
    with pytest.raises(PublishError, match="GitHub does not take the token") as caught:
        wrong.find(TAG)
    assert "contents: write" in caught.value.remedy
    server.fault = lambda _method, _path: "403 forbidden"
    with pytest.raises(PublishError, match="the token may not do that in someone/wheels"):
        wrong.find(TAG)
    wrong.close()


def test_a_repository_that_is_not_there_is_told(server: GithubServer) -> None:
    client = Repository("nobody/nothing", token=TOKEN, api=server.api)
    with pytest.raises(PublishError, match="there is no repository nobody/nothing"):
        client.find(TAG)
    client.close()


@pytest.mark.parametrize("name", ["", "wheels", "a/b/c", "a b/c", "https://github.com/a/b"])
def test_what_is_no_repository_is_told(name: str) -> None:
    with pytest.raises(PublishError, match="is no repository"):
        Repository(name, token=None)


@pytest.mark.parametrize("token", ["ghp_secret\nX: y", "ghp_secret\u00e9", "ghp secret"])
def test_a_token_that_is_none_is_never_shown(token: str) -> None:
    with pytest.raises(PublishError) as caught:
        Repository("a/b", token=token)
    assert "secret" not in str(caught.value)


def test_the_token_is_in_no_log_and_in_no_error(
    server: GithubServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faults = iter(["", "500", "drop", "429"])
    server.fault = lambda _method, _path: next(faults, "")
    said: list[str] = []
    with caplog.at_level(logging.DEBUG):
        published(server, make_wheel(tmp_path), say=said.append)
    assert "POST" in caplog.text
    assert TOKEN not in caplog.text
    assert TOKEN not in "\n".join(said)
    client = repository(server)
    server.fault = lambda _method, _path: "drop"
    with pytest.raises(TroubleError) as caught:
        client.find(TAG)
    chain: list[BaseException] = [caught.value]
    while inner := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(inner)
    assert len(chain) > 1
    assert all(TOKEN not in f"{error!r} {error}" for error in chain)
    client.close()


def test_passwords_kept_for_other_programs_are_not_used(
    server: GithubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    client = repository(server)
    assert client.find(TAG) == ()
    client.close()


@pytest.mark.parametrize("fault", ["stall", "stall half"])
def test_a_silent_upload_ends_soon(server: GithubServer, client: Repository, fault: str) -> None:
    number = client.create(TAG, "x")
    client.look(number)
    server.fault = lambda _method, _path: fault
    began = time.monotonic()
    with pytest.raises(TroubleError, match="timed out") as caught:
        client.upload(number, "wheel", WHEEL)
    assert time.monotonic() - began < 5
    assert caught.value.unsure


def test_uploads_to_another_host_end_too() -> None:
    """PyGithub itself gives these connections no end."""
    client = Repository("a/b", token=None, silence=7.0)
    from github.Requester import Requester  # noqa: PLC0415 - what the client put in there

    connection = Requester._Requester__httpsConnectionClass("uploads.github.com", None)  # type: ignore[attr-defined]  # noqa: SLF001
    assert connection.silence == 7.0
    client.close()


def test_an_upload_that_github_refuses_left_nothing(server: GithubServer, client: Repository) -> None:
    release = server.add(TAG)
    server.put(release, "wheel", WHEEL)
    client.look(release.id)
    with pytest.raises(TroubleError, match="GitHub answers 422 Validation Failed already_exists") as caught:
        client.upload(release.id, "wheel", b"another")
    assert not caught.value.unsure
    assert release.named("wheel").content == WHEEL


def test_many_requests_share_a_connection(server: GithubServer, client: Repository) -> None:
    for _ in range(3):
        client.find(TAG)
    assert len(server.peers) == 1


def test_writes_are_a_second_apart(server: GithubServer) -> None:
    assert releases.limits().seconds_between_writes == 1.0
    client = Repository("someone/wheels", token=TOKEN, api=server.api)
    began = time.monotonic()
    for _ in range(2):
        client.create(TAG, "x")
    assert time.monotonic() - began >= 1
    client.close()
