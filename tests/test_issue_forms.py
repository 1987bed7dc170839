"""What the forms for issues ask for is there to be had: the commands they name, and the files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.cli.parser import parser

ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".github" / "ISSUE_TEMPLATE"
FORMS: dict[str, dict[str, Any]] = {
    path.name: yaml.safe_load(path.read_text()) for path in sorted(PLACE.glob("*.yml")) if path.name != "config.yml"
}
CELL = "cu124 torch2.6 cp310"
_WORDS = {"CELL": CELL, "VERB": "plan", "WHEEL": "flash_attn-2.8.3.whl"}


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


def named(form: str) -> Iterator[list[str]]:
    """Yield the words of each command of the factory's that a form names, as a person types them."""
    for text in texts(FORMS[form]):
        for command in re.findall(r"(?:^|`)nox -s ([^`]+)", text):
            verb, _, words = re.sub(r"\b(CELL|VERB|WHEEL)\b", lambda found: _WORDS[found[1]], command).partition(" --")
            yield [verb, *shlex.split(words)]


def test_there_is_a_form_for_a_failed_build_a_wheel_that_does_not_import_and_a_wanted_cell() -> None:
    assert set(FORMS) == {"failed-build.yml", "import-error.yml", "wanted-cell.yml"}


@pytest.mark.parametrize("form", FORMS)
def test_the_commands_it_names_are_understood(form: str) -> None:
    commands = list(named(form))
    assert len(commands) > 2
    for words in commands:
        parser().parse_args(words)  # exits where it does not


@pytest.mark.parametrize("form", FORMS)
def test_the_files_it_names_are_there(form: str) -> None:
    files = re.findall(r"`([\w/-]+\.md)`", "\n".join(texts(FORMS[form])))
    assert [name for name in files if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("form", FORMS)
def test_it_asks_for_what_doctor_says_to_programs(form: str) -> None:
    (doctor,) = (part for part in FORMS[form]["body"] if part.get("id") == "doctor")
    assert "--json`" in doctor["attributes"]["label"]
    assert doctor["attributes"]["render"] == "json"


def test_a_failed_build_asks_for_the_log() -> None:
    (log,) = (part for part in FORMS["failed-build.yml"]["body"] if part.get("id") == "log")
    assert log["validations"] == {"required": True}
