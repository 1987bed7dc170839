from __future__ import annotations

from pathlib import Path

import pytest

from factory.__main__ import main
from tests.frozen import MATRIX
from tests.publishing import finished, parts_of, wheel_name
from tests.wheelmaker import CHECK_SYMBOL, NEW_SYMBOL, OLD_STRING, Maker


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "matrix.yaml").write_bytes(MATRIX.read_bytes())
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def audited(wheel: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["audit", str(wheel)]) in {0, 40}
    return capsys.readouterr().err


def test_anybody_s_wheel_must_call_the_function_of_its_torch(
    here: Path, maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    right = maker.write(parts_of(wheel_name()), here)
    assert audited(right, capsys) == ""
    right.with_name(f"{right.name}.report.json").unlink()
    wrong = maker.write(parts_of(wheel_name(), undefined=(NEW_SYMBOL, OLD_STRING)), here)
    assert f"calls {NEW_SYMBOL}; torch has {CHECK_SYMBOL}" in audited(wrong, capsys)
    (here / "matrix.yaml").unlink()
    wrong.with_name(f"{wrong.name}.report.json").unlink()
    assert "calls" in audited(wrong, capsys)  # its name says the torch


def test_what_no_report_tells_of_is_held_to_the_glibc_of_the_matrix(
    here: Path, maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = maker.write(parts_of(wheel_name(), glibc="GLIBC_2.34"), here)
    assert "fits manylinux_2_34_x86_64, promised was manylinux_2_28" in audited(newer, capsys)
    (here / "matrix.yaml").unlink()
    newer.with_name(f"{newer.name}.report.json").unlink()
    assert audited(newer, capsys) == ""


def test_facts_are_shown_first_also_where_all_is_well(
    here: Path, maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = maker.write(parts_of(wheel_name()), here)
    assert main(["audit", str(wheel)]) == 0
    shown = capsys.readouterr().out
    for fact in ("CUDA 12; torch 2.6; Python 3.10; C++ ABI FALSE", "older than 2.10", "sm_80 sm_90 in 2 units"):
        assert fact in shown
    assert shown.splitlines()[-1] == f"audit: {wheel.name}: passed"


def test_several_wheels_are_a_row_each(here: Path, maker: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    wheels = [maker.write(parts_of(wheel_name(torch=torch)), here) for torch in ("2.5", "2.6")]
    assert main(["audit", *map(str, wheels)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("sm_80 sm_90") == 2
    assert "C++ ABI" not in shown


def test_only_what_was_built_here_must_hold_upstream_s_files(
    here: Path, maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    others = maker.write(parts_of(wheel_name()), here)
    assert audited(others, capsys) == ""
    ours = finished(parts_of(wheel_name()), here)
    report = ours.with_name(f"{ours.name}.report.json")
    report.write_text(report.read_text().replace('"cuda": null', '"cuda": "12.4"'))
    assert "flash_attn/bert_padding.py is not there" in audited(ours, capsys)


@pytest.mark.parametrize(
    ("verb", "example"),
    [
        ("audit", "audit -- dist/*.whl"),
        ("publish", "publish -- dist/*.whl"),
        ("gpu_test", "gpu_test -- dist/WHEEL.whl"),
        ("reproduce", "reproduce -- dist/WHEEL.whl"),
    ],
)
def test_what_is_no_wheel_is_refused_before_anything_is_written(
    here: Path, maker: Maker, capsys: pytest.CaptureFixture[str], verb: str, example: str
) -> None:
    (here / "README.md").touch()
    several = [str(maker.write(parts_of(wheel_name()), here))] if verb in {"audit", "publish"} else []
    before = sorted(here.iterdir())
    assert main([verb, *several, "README.md"]) == 2
    said = capsys.readouterr().err
    assert "error: 1 file named here is no wheel" in said
    assert "README.md" in said
    assert f"nox -s {example}" in said
    assert sorted(here.iterdir()) == before


def test_of_many_files_that_are_no_wheels_some_are_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *(f"{here}/{number}.json" for number in range(13))]) == 2
    said = capsys.readouterr().err
    assert "13 files named here are no wheels" in said
    assert "9.json" in said
    assert "10.json" not in said
    assert "and 3 more" in said
