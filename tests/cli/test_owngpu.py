"""``--archs native``: this machine's own GPUs, and what it saves to compile for them alone."""

import json
from pathlib import Path

import pytest

from factory.__main__ import main
from tests.smallsdist import matrix_with_small_sdists
from tests.smalltrial import nvidia_smi

CELL = ("cu124", "torch2.6", "cp310")
FAMILIES = ("cu128", "torch2.9", "cp312")  # of which the matrix names four


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "matrix.yaml").write_text(matrix_with_small_sdists(tmp_path / "cache"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


@pytest.fixture
def gpus(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of one kind and an older one, which the two share a machine with."""
    answer = "A, 9.0, 580.95.05\nA, 9.0, 580.95.05\nB, 8.0, 580.95.05"
    monkeypatch.setenv("PATH", nvidia_smi(here / "driver", answer)["PATH"])


def planned(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["plan", "--json", *words]) == 0
    return [arch for cell in json.loads(capsys.readouterr().out)["cells"] for arch in cell["archs"]]


@pytest.mark.usefixtures("gpus")
def test_native_is_what_the_gpus_here_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(capsys, *CELL, "--archs", "native") == ["8.0", "9.0"]
    assert planned(capsys, *CELL, "--archs", "NATIVE") == ["8.0", "9.0"]


@pytest.mark.usefixtures("here")
def test_where_no_gpu_is_native_is_refused_with_what_to_type(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert main(["plan", *CELL, "--archs", "native"]) == 42
    assert "--archs 8.6,8.9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], True),
        (["--archs", "native"], True),
        (["--archs", "8.0,9.0,12.0"], False),
    ],
)
def test_plan_says_what_native_saves(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], *, said: bool
) -> None:
    monkeypatch.setenv("PATH", nvidia_smi(here / "driver", "A, 9.0, 580.95.05")["PATH"])
    assert main(["plan", *FAMILIES, *words]) == 0
    out = capsys.readouterr().out
    assert ("kernels for the GPUs of this machine alone (9.0; --archs native) take " in out) is said
    assert ("--archs native" in out) is said


@pytest.mark.parametrize(
    "answer", ["A, 8.0, 580.95.05\nB, 9.0, 580.95.05", "old, 7.5, 580.95.05", "new, 12.0, 580.95.05"]
)
def test_nothing_is_said_where_it_saves_nothing_or_cannot_be(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setenv("PATH", nvidia_smi(here / "driver", answer)["PATH"])
    assert main(["plan", *CELL]) == 0
    assert "native" not in capsys.readouterr().out


def test_a_job_that_builds_for_others_is_not_told(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", nvidia_smi(here / "driver")["PATH"])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["plan", *FAMILIES]) == 0
    assert "native" not in capsys.readouterr().out
