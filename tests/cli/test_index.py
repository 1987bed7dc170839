"""The index and the plan from a GitHub that fails now and then, as a person calls them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from factory.__main__ import main
from tests import schemas
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


URL = "https://github.com/owner/repo/actions/runs/7"


def test_the_status_says_what_became_of_the_run_that_writes_it(here: GithubServer, tmp_path: Path) -> None:
    assert main(["plan", "cu124 torch2.6 cp310", "--jobs", "planned"]) == 0
    outputs = dict(line.split("=", 1) for line in (tmp_path / "planned").read_text().splitlines())
    needs = {"plan": {"result": "success", "outputs": outputs}, "wheel": {"result": "failure", "outputs": {}}}
    (tmp_path / "needs.json").write_text(json.dumps(needs))
    words = ["index", "--previous", "none", "--repository", REPOSITORY, "--run", URL, "--needs", "needs.json"]
    assert main(words) == 0
    told = json.loads((tmp_path / "site" / "status.json").read_text())
    assert told["run"] == {
        "url": URL,
        "jobs": [{"name": "plan", "result": "success"}, {"name": "wheel", "result": "failure"}],
    }
    for name in ("status", "rules", "wheels"):
        schemas.check(name, json.loads((tmp_path / "site" / f"{name}.json").read_text()))
    failed = [cell["id"] for cell in told["cells"] if cell["state"] == "failed"]
    assert failed == ["cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1 x86_64"]
    assert URL in (tmp_path / "site" / "status.html").read_text()
    assert here.requests


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--run", URL], "--run takes an address and goes with --needs"),
        (["--needs", "needs.json"], "--run takes an address and goes with --needs"),
        (["--run", "javascript:alert(1)", "--needs", "needs.json"], "--run takes an address and goes with --needs"),
        (["--run", URL, "--needs", "nowhere.json"], "nowhere.json is not what GitHub's toJSON(needs) gives"),
        (["--run", URL, "--needs", "matrix.yaml"], "matrix.yaml is not what GitHub's toJSON(needs) gives"),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_run_that_is_told_otherwise_is_refused_before_anything_is_asked(
    words: Sequence[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "needs.json").write_text("{}")
    assert main(["index", *words]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "site").exists()
