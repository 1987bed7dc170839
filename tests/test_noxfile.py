"""nox as a person types it, in a clone of its own: the list, and an environment that is made once for all verbs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from factory.environment.ownenv import LOCK
from tests.frozen import MATRIX

ROOT = Path(__file__).parents[1]
CLONE = ("factory", "noxfile.py", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in CLONE:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    shutil.copy(MATRIX, tmp_path)
    return tmp_path


def nox(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "FACTORY_CACHE": str(clone / "cache")}
    command = [sys.executable, "-m", "nox", *words]
    return subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, check=False)


def test_bare_nox_lists_the_sessions_and_does_nothing(clone: Path) -> None:
    done = nox(clone)
    assert done.returncode == 0
    assert "- plan -> " in done.stdout
    assert "- tests -> " in done.stdout
    assert not (clone / ".nox").exists()


def test_verbs_share_an_environment_that_is_made_when_the_project_changed(clone: Path) -> None:
    first = nox(clone, "-s", "plan", "--", "--why", "cu130", "torch2.6")
    assert "no such cell" in first.stdout, first.stderr
    assert " install " in first.stderr
    second = nox(clone, "-s", "doctor", "--", "--help")
    assert "usage: " in second.stdout, second.stderr
    assert " install " not in second.stderr
    assert sorted(path.name for path in (clone / ".nox").iterdir() if path.is_dir()) == ["factory"]
    (clone / LOCK).write_text((clone / LOCK).read_text() + "# changed\n")
    assert " install " in nox(clone, "-s", "pin", "--", "--help").stderr


def test_what_pip_s_files_say_wrongly_is_a_mistake_that_is_named(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clone / "pip.conf").write_text("no section\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(clone / "pip.conf"))
    done = nox(clone, "-s", "plan")
    assert done.returncode != 0
    assert "pip's configuration cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
