"""``python -m factory doctor`` as a person types it, on this machine and on broken ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from factory.__main__ import main
from factory.errors import UnfitError
from factory.system import process
from tests import schemas
from tests.frozen import MATRIX
from tests.smallsdist import ROOT

CELL = "cu124 torch2.6"


def typed(cwd: Path, *words: str, **env: str) -> process.Completed:
    """Type it in an environment that holds nothing but ``env``."""
    (cwd / "matrix.yaml").write_bytes(MATRIX.read_bytes())
    command = [sys.executable, "-m", "factory", "doctor", *words]
    return process.run(command, cwd=cwd, env={"PYTHONPATH": str(ROOT), **env}, timeout=300)


def test_this_machine_builds_a_cell(tmp_path: Path) -> None:
    """The tests need a g++ and a Python; a disk and memory for the real thing they cannot ask for."""
    done = typed(tmp_path, CELL, "--json", PATH="/usr/local/bin:/usr/bin:/bin", FACTORY_CACHE=str(tmp_path / "cache"))
    told = json.loads(done.stdout)
    schemas.check("doctor", told)
    assert done.status == (0 if told["ok"] else UnfitError.status)
    (own,) = told["sections"]
    assert own["against"].startswith(CELL)
    assert {"CUDA", "g++", "Python", "torch", "memory", "MAX_JOBS", "container"} <= {
        one["subject"] for one in own["lines"]
    }
    assert all(one["remedy"] for section in told["sections"] for one in section["lines"] if one["state"] != "ok")


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"PATH": "", "FACTORY_CACHE": "~a-user-that-nobody-has/cache"},
        {
            "PATH": "broken",
            "CUDA_HOME": "broken",
            "CC": "broken/gcc",
            "CXX": "broken/gcc",
            "MAX_JOBS": "\\",
            "HOME": "",
        },
    ],
)
def test_a_broken_machine_is_told_so_without_a_traceback(env: dict[str, str], tmp_path: Path) -> None:
    for name in ("nvcc", "gcc", "python3", "docker", "podman", "nvidia-smi", "git", "uv", "python3.10"):
        program = tmp_path / "broken" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\nprintf '{\\377\\0 [bold] \\033[31m\\n'; printf 'no\\n' >&2; exit 3\n")
        program.chmod(0o755)
    done = typed(
        tmp_path, "--guide", **{name: value.replace("broken", f"{tmp_path}/broken") for name, value in env.items()}
    )
    assert done.status == UnfitError.status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: this machine is not ready for the guide's recommended environment")
    assert "for building by hand as the guide does" in done.stdout
    assert "\x1b" not in done.stdout


def test_without_any_environment_there_is_still_a_cell_to_check_against(tmp_path: Path) -> None:
    done = typed(tmp_path)
    assert "Traceback" not in done.stderr
    assert done.status in {0, UnfitError.status}
    assert done.stdout.startswith("for the factory: cu")


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--guide", "--profile", "smoke"], 2, "--guide needs a cell for that"),
        (["cu125"], 11, "did you mean cu12"),
        (["fa2.7.4.post1", "cu130"], 12, "older than CUDA 13"),
        (["--profile", "smok"], 11, "did you mean smoke"),
    ],
)
@pytest.mark.usefixtures("root")
def test_what_cannot_be_checked(words: list[str], status: int, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *words]) == status
    assert told in capsys.readouterr().err


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "matrix.yaml").write_bytes(MATRIX.read_bytes())
    monkeypatch.chdir(tmp_path)
