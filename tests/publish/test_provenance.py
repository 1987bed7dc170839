"""Each file that is published must be attested by the workflow that makes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import DigestError
from factory.publish.provenance import Provenance
from tests.publishing import make_wheel

RUN = {"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": "c0ffee"}


def signed(directory: Path, *, but: str = "") -> dict[str, str]:
    """Put a ``gh`` there that notes what it is asked, and finds no attestation of a file that ends with ``but``."""
    refuse = f'case "$3" in *{but}) exit 1;; esac' if but else ""
    (directory / "gh").write_text(f'#!/bin/sh\necho "$@" >> {directory}/asked\n{refuse}\n')
    (directory / "gh").chmod(0o755)
    return {"PATH": f"{directory}:/bin"}


def test_wheel_and_report_are_of_wheel_yml_and_the_verdict_of_gpu_test_yml_of_this_commit(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, tested=True)
    env = signed(tmp_path)
    Provenance.of("owner/repo", RUN, hosted=False).demand(wheel, env)
    asked = [line.split() for line in (tmp_path / "asked").read_text().splitlines()]
    signer = [(Path(line[2]).name, line[line.index("--signer-workflow") + 1].rpartition("/")[2]) for line in asked]
    assert signer == [
        (wheel.name, "wheel.yml"),
        (f"{wheel.name}.report.json", "wheel.yml"),
        (f"{wheel.name}.verdict.json", "gpu-test.yml"),
    ]
    assert all("--source-digest c0ffee --signer-digest c0ffee" in " ".join(line) for line in asked)
    assert ["--deny-self-hosted-runners" in line for line in asked] == [False, False, True]


@pytest.mark.parametrize("forged", [".whl", ".report.json", ".verdict.json"])
def test_a_forged_wheel_report_or_verdict_is_refused(forged: str, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, tested=True)
    with pytest.raises(DigestError, match="has no attestation"):
        Provenance.of("owner/repo", RUN, hosted=True).demand(wheel, signed(tmp_path, but=forged))


def test_an_archive_of_kernels_is_of_pool_yml_and_a_share_of_kernels_round_yml(tmp_path: Path) -> None:
    run = Provenance.of("owner/repo", RUN, hosted=True)
    archive = tmp_path / "kernels.tar.zst"
    run.demand(archive, signed(tmp_path))
    assert "/pool.yml --source-ref refs/heads/main --source-digest c0ffee" in (tmp_path / "asked").read_text()
    assert "/kernels-round.yml --source-ref refs/heads/main --deny" in " ".join(run.of_kernels().words())


def test_outside_a_run_any_commit_of_the_branch_that_publishes_will_do(tmp_path: Path) -> None:
    Provenance.of("owner/repo", {}, hosted=False).demand(tmp_path / "a.tar.zst", signed(tmp_path))
    assert (tmp_path / "asked").read_text().endswith("/pool.yml --source-ref refs/heads/main\n")
