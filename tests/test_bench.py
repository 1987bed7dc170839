import json
import sys
from pathlib import Path

import pytest

from bench import picture, ratio, reproducible
from bench.__main__ import main
from bench.step import Command, Measured, measure
from factory.errors import FactoryError, UsageError
from factory.kernels.reproducible import path_flags

CPU = {
    "upstream": 9000.0,
    "cold": 4900.0,
    "python": 45.0,
    "torch": 130.0,
    "minor": 60.0,
    "class": 122.0,
    "ten": 450.0,
    "one architecture": 150.0,
    "two at once": 160.0,
    "second later": 9.0,
}
FOUND = {name: Measured(cpu_seconds=seconds, wall_seconds=seconds / 2) for name, seconds in CPU.items()}
BUSY = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


def test_help_is_printed_and_nothing_measured(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: nox -s bench --")


def test_an_argument_it_does_not_know_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["cu124"])
    assert ended.value.code == UsageError.status
    assert "unrecognized arguments: cu124" in capsys.readouterr().err


def test_ratios_stand_beside_their_targets() -> None:
    lines = [row.line() for row in ratio.rows(FOUND)]
    assert lines[0] == "pool cold, 80;90: 0.544 of upstream's way (target 0.600, met)"
    assert [line.endswith("met)") for line in lines] == [True, True, False, True, True, True, True, True]
    assert "a second torch: 0.027 of a cold cell (target 0.025, MISSED)" in lines


def test_what_was_not_measured_has_no_ratio() -> None:
    some = {name: FOUND[name] for name in ("cold", "python")}
    assert [row.what for row in ratio.rows(some)] == ["a second Python"]


def test_the_full_profile_is_marked_as_extrapolated() -> None:
    unit = {"cpu_seconds_pool": 100.0, "cpu_seconds_plain": 200.0}
    assert "extrapolated from 2 units, 80;90: 0.500 of" in ratio.full_sample({"units": [unit, unit]}).line()


def test_a_step_counts_the_cpu_time_of_its_children_and_is_measured_once(tmp_path: Path) -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}], check=True)"
    command = Command(argv=(sys.executable, "-c", child), cwd=tmp_path, env={})
    said: list[str] = []
    first = measure("a", lambda: command, tmp_path / "results.json", said.append)
    assert first.cpu_seconds >= 0.3
    again = measure("a", lambda: pytest.fail("ran again"), tmp_path / "results.json", said.append)
    assert again == first
    assert json.loads((tmp_path / "results.json").read_text()).keys() == {"a"}
    assert said[-1].startswith("a: measured before")


def test_a_step_that_fails_is_not_kept(tmp_path: Path) -> None:
    command = Command(argv=(sys.executable, "-c", "raise SystemExit(3)"), cwd=tmp_path, env={})
    with pytest.raises(FactoryError, match="failed with status 3"):
        measure("a", lambda: command, tmp_path / "results.json", print)
    assert not (tmp_path / "results.json").exists()


def test_the_picture_has_a_bar_for_each_way(tmp_path: Path) -> None:
    picture.draw(ratio.rows(FOUND), FOUND, tmp_path / "a.svg")
    picture.draw(ratio.rows(FOUND), FOUND, tmp_path / "b.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<svg" in text
    assert "target 0.600" in text


def test_a_plain_compile_has_none_of_the_flags_of_same_bytes() -> None:
    nvcc = ("/cuda/bin/nvcc", "-ccbin", "/usr/bin/g++", "-Xcompiler", "-fPIC", "-I.")
    assert reproducible.plain((*nvcc, *path_flags({Path("/a, b"): ".", Path("/cuda"): "cuda"}))) == nvcc


def test_pairs_are_compared_by_the_fastest_of_each() -> None:
    pairs = [reproducible.Pair(flagged=51.0, plain=50.0), reproducible.Pair(flagged=70.0, plain=60.0)]
    line = reproducible.row(pairs).line()
    assert line == "the flags of same bytes, 2 pairs: 1.020 of without (target 1.020, met)"
