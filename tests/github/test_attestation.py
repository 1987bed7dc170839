from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import DigestError
from factory.github import attestation
from factory.github.attestation import Maker
from tests.samplewheels import GUIDE, wheel

URL = wheel().url
MAKER = Maker(repository="owner/repo", workflow="wheel.yml")


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
    assert found.said == "verified by attestation: built by wheel.yml of owner/repo"
    signer = "--signer-workflow owner/repo/.github/workflows/wheel.yml --source-ref refs/heads/main"
    assert (tmp_path / "asked").read_text() == f"attestation verify {file} --repo owner/repo {signer}\n"


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


def asked_of(file: Path, maker: Maker, tmp_path: Path) -> str:
    attestation.required(file, maker, gh(tmp_path, f'echo "$@" > {tmp_path}/asked'))
    return (tmp_path / "asked").read_text().removeprefix(f"attestation verify {file} ").strip()


def test_what_must_be_attested_must_be_by_the_workflow_the_branch_the_commit_and_the_machine(
    file: Path, tmp_path: Path
) -> None:
    maker = Maker(repository="owner/repo", workflow="wheel.yml")
    by = "--repo owner/repo --signer-workflow owner/repo/.github/workflows/wheel.yml --source-ref"
    assert asked_of(file, maker, tmp_path) == f"{by} refs/heads/main"
    exact = replace(maker, ref="refs/heads/x", commit="c0ffee", hosted=True)
    words = "refs/heads/x --source-digest c0ffee --signer-digest c0ffee --deny-self-hosted-runners"
    assert asked_of(file, exact, tmp_path) == f"{by} {words}"


def test_an_attestation_that_lies_beside_is_used(file: Path, tmp_path: Path) -> None:
    beside = file.with_name(f"{GUIDE}.sigstore.json")
    beside.write_text("{}")
    assert asked_of(file, MAKER, tmp_path).endswith(f" --bundle {beside}")


@pytest.mark.parametrize("script", ["exit 1", "exit 4", "echo unknown command >&2; exit 1", None])
def test_what_must_be_attested_and_was_not_verified_is_an_error(script: str | None, file: Path, tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path)} if script is None else gh(tmp_path, script)
    with pytest.raises(DigestError):
        attestation.required(file, MAKER, env)


def test_of_several_files_those_that_hold_go_on(file: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.tar.zst"
    forged.touch()
    said: list[str] = []
    env = gh(tmp_path, f'[ "$3" = {file} ]')
    assert attestation.holding([forged, file], MAKER, env, said.append) == (file,)
    (line,) = said
    assert line.startswith("left out: forged.tar.zst has no attestation of wheel.yml of owner/repo that holds; ")
