"""The index and the plan from a GitHub that fails now and then, as a person calls them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from factory.__main__ import main
from tests.githubserver import TOKEN, GithubServer
from tests.githubstore import REPOSITORY
from tests.smallsdist import matrix_with_small_sdists


@pytest.fixture
def here(server: GithubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GithubServer:
    """Work in a directory of its own, beside a repository with one release."""
    (tmp_path / "matrix.yaml").write_text(matrix_with_small_sdists(tmp_path / "cache"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    settings = {"GITHUB_API_URL": server.api, "GITHUB_SERVER_URL": server.api, "GITHUB_TOKEN": TOKEN}
    for name, value in {**settings, "FACTORY_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    server.retry_after = {"Retry-After": "0"}
    server.add("v2.7.4.post1", draft=False)
    return server


@pytest.mark.parametrize("words", [["index", "--previous", "none"], ["plan", "--published", "cu124", "torch2.6"]])
@pytest.mark.parametrize("fault", ["503", "drop", "429"])
def test_one_failure_is_asked_again(
    here: GithubServer, capsys: pytest.CaptureFixture[str], words: Sequence[str], fault: str
) -> None:
    numbers = iter(range(1000))
    here.fault = lambda _method, path: fault if "/repos/" in path and next(numbers) == 0 else ""
    assert main([*words, "--repository", REPOSITORY]) == 0
    said = capsys.readouterr()
    assert "github: the releases of" in said.out
    assert "; again in" in said.out
    assert "Traceback" not in said.err
