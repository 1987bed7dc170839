"""Machines of other kinds, played: their files below another root, their programs first on the PATH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from factory.doctor import kind, kindlines, managed, parse
from factory.doctor.facts import Kind, Missing
from factory.doctor.result import Line, State, standing
from factory.system import machine
from tests.doctorfacts import NEEDS, RULES, SUPPLY, cell, facts

NONE = Missing(what="there is none", remedy="Get one.")
# /proc/version of WSL 2, of WSL 1, and of Debian
WSL_2 = "Linux version 6.6.87.2-microsoft-standard-WSL2 (root@439a258ad544) (gcc (GCC) 11.2.0) #1 SMP PREEMPT_DYNAMIC"
WSL_1 = "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com) (gcc version 5.4.0 (GCC) ) #1237-Microsoft"
DEBIAN = "Linux version 6.1.0-21-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0) #1 SMP"
# nvidia-smi -L, as NVIDIA's MIG user guide prints it
MIG = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 1c.3g.20gb  Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)
"""


def program(directory: Path, name: str, said: str, *, status: int = 0, stream: int = 1) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\ncat >&{stream} <<'END'\n{said}\nEND\nexit {status}\n")
    path.chmod(0o755)


def seen(directory: Path, version: str = DEBIAN) -> Kind:
    (directory / "proc").mkdir()
    (directory / "proc" / "version").write_text(version)
    return kind.look({"PATH": f"{directory}:{os.environ['PATH']}"}, directory)


def said(**other: object) -> list[Line]:
    return list(kindlines.lines(facts(**other)))


def test_alpine(tmp_path: Path) -> None:
    program(tmp_path, "ldd", "musl libc (x86_64)\nVersion 1.2.5\nDynamic Program Loader", status=1, stream=2)
    assert seen(tmp_path) == Kind(musl="1.2.5")
    (line,) = said(kind=Kind(musl="1.2.5"), engine=NONE)
    assert (line.state, line.subject) == (State.PROBLEM, "system")
    assert "no torch for it" in line.said
    assert "glibc 2.28" in line.remedy
    (line,) = said(kind=Kind(musl="1.2.5"))
    assert line.state is State.WARNING


def test_a_c_library_without_a_version_of_glibc_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def confstr(_: str) -> str:
        raise ValueError("unrecognized configuration name")

    assert machine.glibc()
    monkeypatch.setattr(os, "confstr", confstr)
    assert machine.glibc() == ""


@pytest.mark.parametrize(("version", "generation"), [(WSL_2, 2), (WSL_1, 1), (DEBIAN, None), ("", None)])
def test_wsl(tmp_path: Path, version: str, generation: int | None) -> None:
    assert seen(tmp_path, version).wsl == generation
    assert parse.wsl(version.replace("WSL2", "custom")) == generation


def test_wsl_s_driver_is_that_of_windows() -> None:
    (line,) = said(kind=Kind(wsl=2))
    assert (line.state, line.remedy) == (State.OK, "")
    (line,) = said(kind=Kind(wsl=2), gpus=NONE)
    assert line.state is State.WARNING
    assert "driver in Windows, none in here" in line.remedy
    (line,) = said(kind=Kind(wsl=1))
    assert "--set-version" in line.remedy


@pytest.mark.parametrize(
    ("place", "name", "option"),
    [
        (".dockerenv", "docker", "--gpus all"),
        ("run/.containerenv", "podman", "nvidia.com/gpu=all"),
        (".singularity.d", "apptainer", "--nv"),
    ],
)
def test_a_container(tmp_path: Path, place: str, name: str, option: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).touch()
    assert seen(tmp_path).container == name
    (line,) = said(kind=Kind(container=name), gpus=NONE)
    assert option in line.said
    (line,) = said(kind=Kind(container=name))
    assert option not in line.said
    assert line.state is State.OK


def test_in_a_container_nobody_is_told_to_start_another() -> None:
    inside = facts(kind=Kind(container="docker"), engine=NONE)
    section = managed.section(cell(), inside, SUPPLY, RULES, NEEDS)
    assert not list(standing((section,)))
    assert NONE.remedy not in {line.remedy for line in section.lines}


def test_a_gpu_that_is_divided(tmp_path: Path) -> None:
    program(tmp_path, "nvidia-smi", MIG)
    found = seen(tmp_path).mig
    assert found == ("3g.20gb", "1c.3g.20gb")
    (line,) = said(kind=Kind(mig=("1g.10gb", *found, "1g.10gb")))
    assert "2 of 1g.10gb, 1 of 3g.20gb" in line.said


def test_a_driver_that_does_not_answer_lists_nothing(tmp_path: Path) -> None:
    program(tmp_path, "nvidia-smi", MIG, status=9)
    assert seen(tmp_path).mig == ()
