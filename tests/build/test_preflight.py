"""What is looked at first: machines on which a compiler or a toolkit does not fit."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from factory.build.preflight import preflight
from factory.errors import HostCompilerError
from factory.output.log import Log
from factory.session import Session
from factory.system.machine import Limits
from tests import smalltoolkit
from tests.doctorfacts import RULES, cell

REAL = shutil.which("g++") or "g++"
CELL = cell()


@pytest.fixture
def session(tmp_path: Path) -> Session:
    env = {"PATH": str(tmp_path / "bin"), "CUDA_HOME": str(tmp_path / "cuda")}
    log = Log(Console(file=io.StringIO()))
    return Session(cache=tmp_path / "cache", env=env, log=log, limits=Limits(jobs=1, budget=10**9))


def compiler(path: Path, version: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f'#!/bin/sh\ncase "$*" in *-v\\ *) echo "gcc version {version} (test)" >&2;; *objcopy*) echo {REAL};;'
        f' *host_check*) exec {REAL} "$@";; *) echo {version};; esac\n'
    )
    path.chmod(0o755)


def cuda(home: Path, *, compiles: bool) -> None:
    """Make a toolkit that notes each compile it is asked for."""
    smalltoolkit.make(home)
    ends = "exit 0" if compiles else "echo an error >&2; exit 2"
    body = f'case "$*" in *first.cu*) echo "$2" >> {home}/tried; {ends};; esac\n'
    (home / "bin/nvcc").write_text((home / "bin/nvcc").read_text() + body)


def test_a_fit_machine_is_tried_once_for_each_cuda(session: Session, tmp_path: Path) -> None:
    compiler(tmp_path / "bin/g++", "12.2.0")
    cuda(tmp_path / "cuda", compiles=True)
    preflight([CELL, replace(CELL, python="3.11")], RULES, session)
    assert (tmp_path / "cuda/tried").read_text() == f"{tmp_path}/bin/g++\n"


def test_what_has_compiled_is_not_tried_again_before_it_changes(session: Session, tmp_path: Path) -> None:
    compiler(tmp_path / "bin/g++", "12.2.0")
    cuda(tmp_path / "cuda", compiles=True)
    for _ in range(2):
        preflight([CELL], RULES, session)
    tried = f"{tmp_path}/bin/g++\n"
    assert (tmp_path / "cuda/tried").read_text() == tried
    with (tmp_path / "cuda/include/cuda_runtime.h").open("a") as header:
        header.write("// changed")
    preflight([CELL], RULES, session)
    assert (tmp_path / "cuda/tried").read_text() == 2 * tried
    compiler(tmp_path / "bin/g++", "12.3.0")
    preflight([CELL], RULES, session)
    assert (tmp_path / "cuda/tried").read_text() == 3 * tried


def test_for_another_machine_a_compiler_for_that_is_asked_for_before_anything_else(
    session: Session, tmp_path: Path
) -> None:
    compiler(tmp_path / "bin/g++", "12.2.0")
    cuda(tmp_path / "cuda", compiles=True)
    foreign = replace(CELL, machine="aarch64")
    with pytest.raises(HostCompilerError, match="compiles for aarch64"):
        preflight([CELL, foreign], RULES, session)
    assert not (tmp_path / "cuda/tried").exists()
    compiler(tmp_path / "bin/aarch64-linux-gnu-g++", "12.2.0")
    preflight([CELL, foreign], RULES, session)
    assert (tmp_path / "cuda/tried").read_text() == f"{tmp_path}/bin/g++\n"


def test_a_toolkit_that_cannot_compile_ends_it(session: Session, tmp_path: Path) -> None:
    compiler(tmp_path / "bin/g++", "12.2.0")
    cuda(tmp_path / "cuda", compiles=False)
    with pytest.raises(HostCompilerError, match=r"CUDA 12\.4 of CUDA_HOME cannot compile with") as caught:
        preflight([CELL], RULES, session)
    assert caught.value.why == ("an error",)
    assert "unset CUDA_HOME" in caught.value.remedy


def test_where_no_compiler_fits_a_cuda_that_takes_it_is_named(session: Session, tmp_path: Path) -> None:
    newest = max(row.newest_gcc for row in RULES.toolkits.values())
    compiler(tmp_path / "bin/g++", f"{newest}.1.0")
    cuda(tmp_path / "cuda", compiles=True)
    with pytest.raises(HostCompilerError, match="at most version 13") as caught:
        preflight([CELL], RULES, session)
    refused, unfetched, *others = caught.value.why
    assert refused == f"{tmp_path}/bin/g++ is {newest}.1.0"
    assert unfetched.startswith("Debian's g++ 13")
    taking = [row for row in RULES.toolkits.values() if row.newest_gcc >= newest]
    assert others == [
        f"CUDA {row.version} takes {tmp_path}/bin/g++, {newest}.1.0: nox -s plan -- {row.token}" for row in taking
    ]
    assert not (tmp_path / "cuda/tried").exists()
