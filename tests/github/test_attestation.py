from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import DigestError
from factory.github import attestation
from tests.samplewheels import GUIDE, wheel

URL = wheel().url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / GUIDE
    path.write_bytes(b"wheel")
    return path


def gh(directory: Path, script: str) -> dict[str, str]:
    (directory / "gh").write_text(f"#!/bin/sh\n{script}\n")
    (directory / "gh").chmod(0o755)
    return {"PATH": f"{directory}:/bin"}


def test_gh_is_asked_for_the_repository_of_the_release(file: Path, tmp_path: Path) -> None:
    found = attestation.verify(file, URL, gh(tmp_path, f'echo "$@" > {tmp_path}/asked'))
    assert found.ok
    assert found.said == "verified by attestation: built by a workflow of owner/repo"
    assert (tmp_path / "asked").read_text() == f"attestation verify {file} --repo owner/repo\n"


def test_without_gh_it_says_that_nothing_was_verified(file: Path, tmp_path: Path) -> None:
    found = attestation.verify(file, URL, {"PATH": str(tmp_path)})
    assert not found.ok
    assert found.said.startswith("not verified by attestation: gh is not here")


def test_without_a_login_it_says_so(file: Path, tmp_path: Path) -> None:
    found = attestation.verify(file, URL, gh(tmp_path, "exit 4"))
    assert not found.ok
    assert "gh is not logged in" in found.said


def test_an_attestation_that_does_not_hold_is_an_error(file: Path, tmp_path: Path) -> None:
    with pytest.raises(DigestError) as caught:
        attestation.verify(file, URL, gh(tmp_path, "echo 'no attestations found' >&2; exit 1"))
    assert caught.value.why[0] == "no attestations found"


@pytest.mark.parametrize("url", [f"file:///mirror/{GUIDE}", f"https://example.invalid/owner/repo/{GUIDE}"])
def test_what_came_from_elsewhere_has_none(url: str, file: Path, tmp_path: Path) -> None:
    found = attestation.verify(file, url, gh(tmp_path, "exit 0"))
    assert not found.ok
    assert "did not come from a GitHub release" in found.said


@pytest.mark.parametrize(("name", "workflow"), [(GUIDE, "wheel.yml"), ("kernels-2.7.tar.zst", "pool.yml")])
def test_what_must_be_attested_must_be_by_the_workflow_that_makes_it(name: str, workflow: str, tmp_path: Path) -> None:
    path = tmp_path / name
    attestation.required(path, "owner/repo", gh(tmp_path, f'echo "$@" > {tmp_path}/asked'))
    asked = (tmp_path / "asked").read_text()
    assert asked == (
        f"attestation verify {path} --repo owner/repo --signer-workflow owner/repo/.github/workflows/{workflow}\n"
    )


@pytest.mark.parametrize("script", ["exit 1", "exit 4", None])
def test_what_must_be_attested_and_was_not_verified_is_an_error(script: str | None, file: Path, tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path)} if script is None else gh(tmp_path, script)
    with pytest.raises(DigestError):
        attestation.required(file, "owner/repo", env)
