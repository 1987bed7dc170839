"""The stand-alone resolver, started as a person starts it: one file and an index, nothing else on the path."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from factory.index import rules
from factory.index.published import to_json
from factory.index.served import SITE
from factory.index.served.flash_attn_wheel import PRERELEASE
from factory.system import process
from factory.system.process import Completed
from tests.samplewheels import GUIDE, RULES, wheel

HERE = f"3.{sys.version_info.minor}"
MINE = wheel("2.8.3.post2", python=HERE, floor="manylinux_2_17")
TORCH = 'class version: cuda = "12.4"\n__version__ = "2.6.0+cu124"\ndef compiled_with_cxx11_abi(): return False\n'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with the program, an index, and a torch for who runs it there."""
    shutil.copy(SITE / "flash_attn_wheel.py", tmp_path)
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "wheels.json").write_text(to_json([wheel(), MINE, wheel(cuda="12.6", abi=True)]))
    (tmp_path / "index" / "rules.json").write_text(rules.to_json(RULES))
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "torch.py").write_text(TORCH)
    return tmp_path


def ask(place: Path, *words: str) -> Completed:
    env = {"PATH": "/nowhere", "PYTHONPATH": str(place / "lib")}
    return process.run([sys.executable, place / "flash_attn_wheel.py", "--index", place / "index", *words], env=env)


def test_this_machine_gets_its_wheel_and_the_lines_to_install_it(place: Path) -> None:
    done = ask(place)
    assert done.ok, done.stderr
    pinned = f"{MINE.url}#sha256={MINE.sha256}"
    assert done.stdout.splitlines() == [
        MINE.filename,
        f"{MINE.size / 1e6:.1f} MB, sm_80 sm_90, glibc 2.17 or newer, tested on NVIDIA H100 80GB HBM3, 2026-11-22",
        f"pip install '{pinned}'",
        f"uv pip install '{pinned}'",
        f"wget '{MINE.url}' && echo '{MINE.sha256}  {MINE.filename}' | sha256sum -c",
    ]


def test_a_flash_attn_that_is_not_there_for_this_machine(place: Path) -> None:
    done = ask(place, "fa2.7.4.post1", "--profile", "smoke")
    assert done.status == 53
    assert done.stdout == ""
    assert "error: no wheel fits" in done.stderr
    assert "nearest:\n  flash_attn-" in done.stderr
    assert "build one, in a clone of the factory: nox -s build -- cu124 torch2.6" in done.stderr


def test_every_form_of_the_answer(place: Path) -> None:
    cell, one = ("cu124", "torch2.6", "cp310"), wheel()
    assert ask(place, *cell, "--url-only").stdout == f"{one.url}\n"
    assert ask(place, *cell, "--requirements").stdout == f"flash-attn @ {one.url} --hash=sha256:{one.sha256}\n"
    assert ask(place, *cell, "--uv").stdout == (
        '# dependencies = ["flash-attn==2.7.4.post1"]\n'
        f'[[tool.uv.index]]\nname = "flash-attn"\nurl = "{(place / "index").as_uri()}/cu124/torch2.6/cxx11abiFALSE/"\n'
        'explicit = true\n\n[tool.uv.sources]\nflash-attn = { index = "flash-attn" }\n'
    )
    told = json.loads(ask(place, *cell, "--json").stdout)
    assert told["wheel"] == one.row
    assert told["environment"]["torch"] == "2.6"
    assert set(told["install"]) == {
        *("pip", "uv", "wget", "requirements", "uv_project"),
        *("pip_index", "client", "attestation"),
    }
    assert told["install"]["attestation"] == f"gh attestation verify '{GUIDE}' --repo owner/repo"


def test_programs_get_the_reasons_as_json(place: Path) -> None:
    done = ask(place, "cu128", "torch2.9", "cp310", "--json")
    told = json.loads(done.stdout)
    assert (done.status, done.stderr) == (53, "")
    assert told["wheel"] is told["install"] is None
    assert told["missing"] == ["torch 2.9 has no wheel here, there is 2.6"]
    assert told["nearest"][0]["filename"] == GUIDE
    assert told["build"] == "cu128 torch2.9 cp310"
    assert told["unbuildable"] == ""


def test_a_command_that_the_plan_calls_impossible_is_not_given(place: Path) -> None:
    done = ask(place, "cu130", "torch2.6", "cp310")
    assert "nox -s build" not in done.stderr
    assert "none can be built: torch 2.6 goes with CUDA 12.4, 12.6; not 13.0\n" in done.stderr
    told = json.loads(ask(place, "cu130", "torch2.6", "cp310", "--json").stdout)
    assert told["build"] == ""


def test_several_that_fit_are_named(place: Path) -> None:
    done = ask(place, "cu12", "cp310")
    assert done.status == 53
    assert "error: several wheels fit\n  C++ ABI: name one of abiFALSE abiTRUE\nsome of them:\n" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("torch",), 2, "error: torch is no token."),
        (("--python", "/bin/false"), 2, "error: /bin/false did not answer what it is"),
        (("cp310", "--index", "/nowhere"), 24, "error: file:///nowhere/wheels.json cannot be read"),
        (("--index",), 2, "expected one argument"),
    ],
)
def test_bad_input_is_answered_and_not_traced(words: tuple[str, ...], status: int, said: str, place: Path) -> None:
    done = ask(place, *words)
    assert done.status == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_without_torch_is_told_so(place: Path) -> None:
    (place / "lib" / "torch.py").write_text("raise ImportError('no torch')")
    done = ask(place)
    assert done.status == 53
    assert "torch cannot be imported (ImportError: no torch)" in done.stderr


def test_an_index_of_a_later_schema_asks_for_a_later_program(place: Path) -> None:
    (place / "index" / "wheels.json").write_text('{"schema": 2, "wheels": []}')
    assert "fetch this program anew from the index" in ask(place, "cp310").stderr


@pytest.mark.parametrize("name", ["wheels.json", "rules.json"])
@pytest.mark.parametrize("text", ['{"schema": 1}', '{"schema": 1, "wheels": [{"filename": "x"}]}', "[1]", "not JSON"])
def test_a_list_that_is_none_is_told(name: str, text: str, place: Path) -> None:
    (place / "index" / name).write_text(text)
    done = ask(place, "cp310")
    assert done.status == 24
    assert f"{name} cannot be read: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("answer", ["{}", "1", '{"python": "3.10"}', '{"python": 3, "machine": "", "system": ""}'])
def test_an_interpreter_that_answers_something_else_is_told(answer: str, place: Path) -> None:
    (place / "python").write_text(f"#!/bin/sh\necho '{answer}'\n")
    (place / "python").chmod(0o755)
    done = ask(place, "--python", str(place / "python"))
    assert done.status == 2
    assert "did not answer what it is" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_torch_before_its_release_is_cautioned(place: Path) -> None:
    (place / "lib" / "torch.py").write_text(TORCH.replace("2.6.0+cu124", "2.6.0a0+50eac811a6.nv25.10"))
    done = ask(place)
    assert done.ok
    assert done.stderr == f"caution: {PRERELEASE['said'].format('2.6.0a0+50eac811a6.nv25.10')}\n"


def test_it_runs_from_a_pipe(place: Path) -> None:
    source = (place / "flash_attn_wheel.py").read_text()
    done = process.run([sys.executable, "-c", source, "--index", place / "index", "cu124", "torch2.6", "cp310"])
    assert done.stdout.startswith(GUIDE)
