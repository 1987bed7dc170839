"""``diagnose`` as a person uses it, in a directory with a matrix.yaml."""

import io
import shutil
import sys
from pathlib import Path

import pytest

from factory.__main__ import main
from factory.errors import UsageError
from tests.frozen import MATRIX

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "tests" / "data" / "logs"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(MATRIX, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path / "cache"))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["diagnose", *words]) == 0
    return capsys.readouterr().out


def test_a_log_is_diagnosed_for_the_cell_it_is_of(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, str(LOGS / "memory-cgroup.log"))
    assert "memory-cgroup.log: killed for memory" in out
    assert "line 149: c++: fatal error: Killed signal terminated program cc1plus" in out
    assert "2 ran at once" in out
    assert "nox -s build -- cu124 torch2.6 cp310 --memory" in out


def test_the_cell_that_is_named_is_the_one_to_build(capsys: pytest.CaptureFixture[str]) -> None:
    words = (str(LOGS / "cxx20.log"), "cu130 torch2.11", "cp312", "--profile", "smoke")
    assert "nox -s build -- cu130 torch2.11 cp312 --profile smoke" in told(capsys, *words)


def test_a_cell_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", str(LOGS / "cxx20.log"), "cu999"]) == 11
    assert "cu999" in capsys.readouterr().err


def test_a_log_of_a_cell_that_is_not_ours(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.log").write_text("torch.__version__  = 1.13.1+cu117\nKilled\n")
    out = told(capsys, "a.log")
    assert "This factory makes no wheel for it: cu117: no such CUDA." in out
    assert "nox -s build" not in out


def test_standard_input_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a.cu(1): error: no\xff\n")))
    out = told(capsys, "-")
    assert "standard input: not a failure that is known here" in out
    assert "line 1: a.cu(1): error: no" in out


def test_the_newest_log_of_the_cache_is_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose"]) == UsageError.status
    assert "there is no log in" in capsys.readouterr().err
    (here / "cache" / "logs").mkdir(parents=True)
    shutil.copy(LOGS / "disk-full-pip.log", here / "cache" / "logs" / "wheel.log")
    assert "wheel.log: the disk is full" in told(capsys)


def test_a_file_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "nothing.log"]) == UsageError.status
    assert "nothing.log" in capsys.readouterr().err


def test_what_a_log_holds_cannot_paint_the_terminal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.log").write_bytes(b"a.c:1: error: \x1b[2J\x1b]0;title\x07[bold]no[/bold]\n")
    assert "line 1: a.c:1: error: [bold]no[/bold]" in told(capsys, "a.log")
