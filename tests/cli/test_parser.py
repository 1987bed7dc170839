"""What is typed, and what the command line answers where it is not understood."""

from __future__ import annotations

import importlib.metadata
import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from factory import __version__, errors
from factory.__main__ import main
from factory.cli.examples import EXAMPLES
from factory.cli.parser import read
from factory.cli.typed import COMMAND

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _outside_nox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOX_CURRENT_SESSION", raising=False)
    monkeypatch.setenv("COLUMNS", "100")


def ended(capsys: pytest.CaptureFixture[str], *words: str, status: int = 2) -> str:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == status
    captured = capsys.readouterr()
    return captured.out if status == 0 else captured.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["plann"], "there is no verb plann (did you mean plan?); --help lists them"),
        (["gpu-test", "a.whl"], "there is no verb gpu-test (did you mean gpu_test?)"),
        (["xyz"], "there is no verb xyz; --help lists them"),
        (["pool", "exprt"], "there is no action exprt (did you mean export?)"),
        (["plan", "--publishd"], "unrecognized arguments: --publishd (did you mean --published?)"),
        (["plan", "--profle=smoke"], "unrecognized arguments: --profle=smoke (did you mean --profile?)"),
        (["build", "--backend", "hst"], "(did you mean host?)"),
        (["audit", "a.whl", "--zzzz"], "unrecognized arguments: --zzzz\n"),
    ],
)
def test_what_was_probably_meant_is_named(capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    said = ended(capsys, *words)
    assert told in said
    assert said.startswith("usage: python -m factory ")


@pytest.mark.parametrize(("words", "listed"), [([], "build wheels:"), (["pool"], "actions:")])
def test_no_verb_is_answered_with_the_help(capsys: pytest.CaptureFixture[str], words: list[str], listed: str) -> None:
    said = ended(capsys, *words)
    assert listed in said
    assert "options:" in said


def test_help_lists_every_verb_once_in_its_group(capsys: pytest.CaptureFixture[str]) -> None:
    said = ended(capsys, "--help", status=0)
    listed = re.findall(r"^  ([a-z]\w+) ", said, re.MULTILINE)
    assert sorted(listed) == sorted(EXAMPLES)
    assert re.findall(r"^([a-z ]+):$", said, re.MULTILINE)[0] == "build wheels"


CASES = [(verb, words) for verb, lines in EXAMPLES.items() for words in lines]


@pytest.mark.parametrize(("verb", "words"), CASES)
def test_an_example_is_shown_as_it_is_and_understood(capsys: pytest.CaptureFixture[str], verb: str, words: str) -> None:
    assert read([verb, *shlex.split(words)]).run
    assert f"\n  python -m factory {verb} {words}".rstrip() in ended(capsys, verb, "--help", status=0)


def test_in_a_nox_session_the_words_of_nox_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOX_CURRENT_SESSION", "build")
    assert ended(capsys, "build", "--help", status=0).startswith("usage: nox -s build -- [-h]")
    assert ended(capsys, "pool", "verify", "--help", status=0).startswith("usage: nox -s pool -- verify [-h]")


def test_the_version_is_the_one_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(capsys, "--version", status=0) == f"{COMMAND} {__version__}\n"
    assert importlib.metadata.version(COMMAND) == __version__


def test_a_clone_that_nothing_installed_knows_its_version(tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import factory; print(factory.__version__)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode().strip() == __version__


def completed(script: Path, *words: str) -> list[str]:
    """Give what bash offers for the last of ``words``."""
    line = shlex.join(words)
    ask = (
        f"source {shlex.quote(str(script))}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
        f"COMP_LINE={shlex.quote(line)}; COMP_POINT=${{#COMP_LINE}}; "
        f'"$(complete -p {COMMAND} | sed "s/.*-F \\([^ ]*\\) .*/\\1/")"; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["/bin/bash", "-c", ask], capture_output=True, text=True, check=True, cwd=script.parent)
    return done.stdout.split()


def test_bash_completes_verbs_options_and_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(ended(capsys, "--print-completion", "bash", status=0))
    (tmp_path / "a.whl").touch()
    assert completed(script, COMMAND, "d") == ["doctor", "diagnose", "download"]
    assert completed(script, COMMAND, "build", "--b") == ["--backend"]
    assert completed(script, COMMAND, "build", "--backend", "h") == ["host"]
    assert "a.whl" in completed(script, COMMAND, "audit", "a")


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_have_theirs(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    said = ended(capsys, "--print-completion", shell, status=0)
    assert COMMAND in said
    assert "diagnose" in said


def test_every_exit_status_is_in_the_docs_and_means_one_thing() -> None:
    told = re.findall(r"^\| (\d+) \| (.+) \|$", (ROOT / "docs" / "exit-statuses.md").read_text(), re.MULTILINE)
    kinds = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, errors.FactoryError)]
    statuses = sorted(one.status for one in kinds)
    assert len(set(statuses)) == len(statuses)
    assert [int(status) for status, _ in told] == [0, 1, *statuses, 130, 141]
    assert len({what for _, what in told}) == len(told)
