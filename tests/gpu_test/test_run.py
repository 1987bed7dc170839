"""What runs the groups, with a program of a few lines in the trial's place."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from factory.gpu_test.run import Ran, Request, Trial, variables
from factory.gpu_test.testenv import Facts, TrialEnvironment
from tests.smalltrial import program

FACTS = Facts(python="3.11", torch="2.6.0", cuda="12.4", cxx11abi=False, glibc=None)
REQUEST = Request(seed=7, disabled=("BACKWARD",), version="2.7.4.post1", beside=None)


def run(directory: Path, group: str, *, limit: float = 60, **how: str) -> Ran:
    bed = TrialEnvironment(python=Path(sys.executable), paths=(directory / "wheel",), facts=FACTS)
    (directory / "scratch").mkdir()
    made = Trial(program(directory / "program", **how), bed, directory / "scratch", env={"PATH": "/usr/bin:/bin"})
    return made.run(group, REQUEST, limit=limit)


def test_a_group_that_passes(tmp_path: Path) -> None:
    ran = run(tmp_path, "forward", forward="talks")
    assert ran.group.ok
    assert ran.group.passed == 1
    assert ran.said == "it said so"
    assert ran.transcript.machine is not None
    assert ran.transcript.machine.flash_attn == "2.7.4.post1"


@pytest.mark.parametrize(
    ("how", "trouble"),
    [
        ("signal", "ended by signal 11 (SIGSEGV)"),
        ("status", "ended with status 3: RuntimeError: the last word"),
        ("short", "1 case came, it says 2"),
        ("endless", "it stopped before its end"),
        ("goes on", "it stopped before its end"),
        ("nonsense", "cannot be read"),
    ],
)
def test_a_group_that_does_not_end_well_fails_and_keeps_what_it_said(tmp_path: Path, how: str, trouble: str) -> None:
    group = run(tmp_path, "split", split=how).group
    assert not group.ok
    assert trouble in group.trouble
    assert group.cases >= 1


@pytest.mark.parametrize("how", ["nan", "nan as text", "above", "says wrong"])
def test_wrong_numbers_fail_without_trouble(tmp_path: Path, how: str) -> None:
    group = run(tmp_path, "split", split=how).group
    assert group.trouble == ""
    assert [case.name for case in group.failures] == ["second"]


def test_a_group_that_hangs_is_ended_at_its_limit_also_if_it_will_not_go(tmp_path: Path) -> None:
    began = time.monotonic()
    group = run(tmp_path, "graph", graph="hang", limit=1.5).group
    assert time.monotonic() - began < 20
    assert group.trouble == "no end within 1.5 seconds"
    assert not group.ok


PATHS = """
import json, os, sys
def main(path):
    factory = list(sys.modules["factory"].__path__)
    say = {"sys.path": sys.path[:2], "factory": factory, "env": sorted(os.environ)}
    print(json.dumps({"kind": "case", "group": "import", "name": json.dumps(say), "outcome": "passed"}))
    print(json.dumps({"kind": "end", "cases": 1}))
    return 0
"""


def test_the_trial_sees_the_wheel_first_and_no_more_of_the_factory_than_itself(tmp_path: Path) -> None:
    source = program(tmp_path / "program")
    (source / "main.py").write_text(PATHS)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    bed = TrialEnvironment(python=Path(sys.executable), paths=(tmp_path / "wheel",), facts=FACTS)
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "/nowhere", "FLASH_ATTENTION_TRITON_AMD_ENABLE": "TRUE"}
    ran = Trial(source, bed, scratch, env=env | {"CUDA_VISIBLE_DEVICES": "1"}).run("import", REQUEST)
    (case,) = ran.transcript.cases
    assert f'"sys.path": ["{scratch}", "{tmp_path / "wheel"}"]' in case.name
    assert f'"factory": ["{scratch / "factory"}"]' in case.name
    assert "CUDA_VISIBLE_DEVICES" in case.name
    assert "FLASH_ATTENTION" not in case.name
    assert "PYTHONPATH" not in case.name


def test_a_trial_gets_what_the_driver_needs_and_no_token() -> None:
    env = {"LD_LIBRARY_PATH": "/usr/local/nvidia/lib64", "NVIDIA_VISIBLE_DEVICES": "all", "GITHUB_TOKEN": "x"}
    assert set(variables(env)) == {"LD_LIBRARY_PATH", "NVIDIA_VISIBLE_DEVICES", "PATH"}
