"""The whole verb, against a package index, a registry and a GitHub on this machine."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from factory.__main__ import main
from factory.update.proposal import keys_in
from tests.frozen import MATRIX
from tests.githubissues import StoredTag
from tests.githubserver import TOKEN, GithubServer
from tests.githubstore import REPOSITORY
from tests.serving import serving
from tests.smallregistry import DIGEST, Registry, registry

KEYS = {"flash-attn 2.8.4", "action actions/checkout v7.0.1"}


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    for project, name in (
        ("flash-attn", "flash_attn-2.8.4.tar.gz"),
        ("torch", "torch-2.15.0-cp314-cp314-manylinux_2_28_x86_64.whl"),
    ):
        page = tmp_path / "index" / project / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<a href="{name}#sha256={"ab" * 32}">{name}</a>')
    handler = functools.partial(Handler, directory=str(tmp_path / "index"))
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def images() -> Iterator[Registry]:
    with registry() as server:
        yield server


@pytest.fixture
def server(
    github: GithubServer, index: str, images: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GithubServer]:
    """Stands in a repository whose image is pinned and has not moved, and whose action has."""
    text = MATRIX.read_text(encoding="utf-8")
    text = re.sub(r"docker\.io/\S+", f"{images.name}/team/image:tag", text).replace("digest: null", f"digest: {DIGEST}")
    (tmp_path / "matrix.yaml").write_text(text, encoding="utf-8")
    workflow = tmp_path / ".github" / "workflows" / "ci.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(f"steps:\n  - uses: actions/checkout@{'c0' * 20} # v6.0.0\n")
    monkeypatch.chdir(tmp_path)
    github.reset()
    github.tags["actions/checkout"] = StoredTag(name="v7.0.1", commit="d1" * 20)
    settings = {"PIP_INDEX_URL": index, "GITHUB_API_URL": github.api, "GITHUB_TOKEN": TOKEN, "FACTORY_CACHE": "cache"}
    for name, value in {**settings, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_STEP_SUMMARY": "page.md"}.items():
        monkeypatch.setenv(name, value)
    yield github
    assert github.wrong == []


def opened(server: GithubServer) -> list[str]:
    return [key for issue in server.issues.values() for key in keys_in(issue.body)]


def test_each_new_thing_gets_one_issue(server: GithubServer, tmp_path: Path) -> None:
    assert main(["update"]) == 0
    assert sorted(opened(server)) == sorted(KEYS)
    assert main(["update"]) == 0
    assert len(server.issues) == 2
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert page.count("2 things are new") == 2
    assert "| flash-attn 2.8.4 is published | \\#1 |" in page


def test_a_dry_run_needs_no_token_and_opens_nothing(
    server: GithubServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    assert main(["update", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "would open 'flash-attn 2.8.4 is published'" in out
    assert f"    sha256: {'ab' * 32}\n" in out
    assert server.issues == {}


def test_a_dry_run_knows_no_issues_where_no_repository_is_named(
    server: GithubServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY")
    assert main(["update", "--dry-run"]) == 0
    assert "what has an issue already is not known: no repository is named" in capsys.readouterr().out
    assert server.issues == {}


def test_what_is_silent_is_no_failure_and_stands_on_the_page(
    server: GithubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    assert main(["update"]) == 0
    assert opened(server) == ["action actions/checkout v7.0.1"]
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "Not looked at" in page
    assert "flash-attn cannot be had from" in page


def test_where_nothing_answers_it_fails(
    server: GithubServer, images: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    server.fault = lambda _method, _path: "500"
    for path in ("manifests/tag", "tags/list"):
        images.answers[f"/v2/team/image/{path}"] = lambda handler: handler.say(b"", status=503)
    assert main(["update"]) == 24
    assert "nothing could be looked at" in capsys.readouterr().err


def test_a_repository_must_be_known_before_anything_is_asked(
    server: GithubServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY")
    assert main(["update"]) == 2
    assert "--repository OWNER/NAME" in capsys.readouterr().err
    assert server.requests == []


def test_a_fork_without_issues_is_told_how_to_have_them(
    server: GithubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.takes_issues = False
    assert main(["update"]) == 54
    assert "Settings, Features, Issues" in capsys.readouterr().err
