"""Commands in texts are what a person here can type."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from rich.text import Text

from factory.cli import typed
from factory.cli.parser import parser
from factory.output.console import Console
from factory.output.spoken import spoken
from tests.smallsdist import ROOT

VERBS = sorted(parser()._verbs.choices)  # type: ignore[union-attr]  # noqa: SLF001 - argparse tells them no other way
SESSIONS = set(re.findall(r"^def ([a-z]\w*)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE))
NAMED = re.compile(r"nox -s (\w+)")


def texts() -> dict[str, str]:
    """Give every text of the factory that names a session of nox, by where it stands."""
    found = {}
    for path in sorted((ROOT / "factory").rglob("*.py")):
        if "served" in path.parts or path.name == "typed.py":
            continue  # the client runs alone, and says that it takes a clone
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAMED.search(node.value):
                found[f"{path.relative_to(ROOT)}:{node.lineno}"] = node.value
    for path in (ROOT / "factory" / "data").glob("*.toml"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if NAMED.search(line) and not line.startswith("#"):
                found[f"{path.relative_to(ROOT)}:{number}"] = line
    return found


TEXTS = texts()


@pytest.fixture
def _no_nox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOX_CURRENT_SESSION")


def test_there_is_a_session_for_each_command_that_a_text_names() -> None:
    assert len(TEXTS) > 60
    assert {name for text in TEXTS.values() for name in NAMED.findall(text)} <= SESSIONS


def test_every_verb_is_known_to_take_a_clone_or_none() -> None:
    assert sorted([*typed.ANYWHERE, *typed._CLONED]) == VERBS  # noqa: SLF001 - the other half


@pytest.mark.usefixtures("_no_nox")
@pytest.mark.parametrize("where", TEXTS)
def test_every_text_names_what_was_typed_in_a_clone(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(typed, "MATRIX", ROOT / "noxfile.py")  # some file that is there
    monkeypatch.setattr(sys, "argv", ["/any/bin/flash-attn-wheel-factory"])
    monkeypatch.setenv("PATH", "/any/bin")
    monkeypatch.delenv("UV", raising=False)
    said = typed.fitting(TEXTS[where])
    assert set(NAMED.findall(said)) <= SESSIONS - set(VERBS)
    assert said.count("flash-attn-wheel-factory ") >= len([one for one in NAMED.findall(TEXTS[where]) if one in VERBS])
    assert "factory --" not in said
    assert not re.search(rf"factory (?:{'|'.join(VERBS)}) -- ", said)


@pytest.mark.usefixtures("_no_nox")
@pytest.mark.parametrize("where", TEXTS)
def test_every_text_says_what_takes_a_clone_where_none_is(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = typed.fitting(TEXTS[where])
    assert not set(NAMED.findall(said)) & typed.ANYWHERE
    assert ("in a clone of the factory's repository)" in said) == bool(set(NAMED.findall(said)) & set(VERBS))


def test_nox_is_named_where_nox_was_asked() -> None:
    assert all(typed.fitting(text) == text for text in TEXTS.values())


@pytest.mark.usefixtures("_no_nox")
def test_colours_stay_where_they_are(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["__main__.py"])
    console = Console(terminal=True)
    with spoken(typed.fitting):
        console.print(Text.assemble(("bad ", "red"), ("type nox -s plan -- --all now", "bold"), " end"), soft_wrap=True)
    said = capsys.readouterr().out
    assert "\x1b[31mbad " in said
    assert "\x1b[1mtype python -m factory plan --all now" in said


def ended(words: list[str | Path], at: Path, **more: str) -> str:
    sessions = {"NOX_CURRENT_SESSION", "UV", "VIRTUAL_ENV"}  # what the tests' own session sets
    env = {name: value for name, value in os.environ.items() if name not in sessions}
    return subprocess.run(words, cwd=at, env=env | more, capture_output=True, text=True, check=False).stderr


def test_a_real_failure_names_what_was_typed(tmp_path: Path) -> None:
    module = [sys.executable, "-m", "factory"]
    said = ended([*module, "audit", "gone.whl"], tmp_path)
    assert "python -m factory audit dist/*.whl" in said
    assert "nox" not in said
    said = ended([*module, "audit", "gone.whl"], tmp_path, NOX_CURRENT_SESSION="audit")
    assert "nox -s audit -- dist/*.whl" in said


def test_uvx_is_named_where_no_shell_finds_the_command(tmp_path: Path) -> None:
    """With the entry point as pip writes it, in a place that is on PATH for this process alone."""
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"][typed.COMMAND]
    module, function = entry.split(":")
    program = tmp_path / "bin" / typed.COMMAND
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    program.chmod(0o755)
    path = f"{program.parent}:/usr/bin:/bin"
    said = ended([program, "audit", "gone.whl"], tmp_path, UV="/somewhere/uv", PATH=path)
    assert re.search(r"uvx --from \S+ flash-attn-wheel-factory audit dist/\*\.whl", said)
    said = ended([program, "audit", "gone.whl"], tmp_path, PATH=path)
    assert " flash-attn-wheel-factory audit dist/*.whl" in said
    assert "uvx" not in said
