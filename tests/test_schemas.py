"""What programs read is described: each ``--json``, and what verbs write for more than themselves."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from factory.__main__ import main
from factory.cli.parser import parser
from factory.data import DATA
from factory.prove import prove
from tests import schemas
from tests.schemas import SCHEMAS
from tests.smallsdist import matrix_with_small_sdists

FILES = {path.name.removesuffix(".schema.json"): path for path in sorted(DATA.glob("*.schema.json"))}
# Made or written elsewhere, and held to what is read or written there.
OTHERS = {"matrix", "report"}
DOCUMENT = (Path(__file__).parents[1] / "docs" / "json.md").read_text(encoding="utf-8")


def verbs_with_json(read: argparse.ArgumentParser, name: str = "") -> Iterator[str]:
    for action in read._actions:  # noqa: SLF001 - argparse tells it in no other way
        if "--json" in action.option_strings:
            yield name
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            for verb, below in action.choices.items():
                yield from verbs_with_json(below, f"{name}-{verb}".removeprefix("-"))


def test_every_verb_that_prints_json_has_its_schema() -> None:
    found = set(verbs_with_json(parser()))
    assert {"plan", "doctor", "reproduce"} <= found
    assert found <= SCHEMAS.keys(), "describe it in tests/schemas.py, then: python -m tests.schemas"


def test_a_verb_without_one_would_be_found() -> None:
    read = argparse.ArgumentParser()
    read.add_subparsers().add_parser("new").add_argument("--json", action="store_true")
    assert set(verbs_with_json(read)) - SCHEMAS.keys() == {"new"}


def test_every_schema_is_made_of_what_it_describes_or_known_and_stands_in_the_docs() -> None:
    assert FILES.keys() == SCHEMAS.keys() | OTHERS
    assert [name for name in FILES if f"[{name}.schema.json](" not in DOCUMENT] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_that_of_todays_types(name: str) -> None:
    assert FILES[name].read_text(encoding="utf-8") == schemas.text(name), "write it anew: python -m tests.schemas"


@pytest.mark.parametrize("name", FILES)
def test_a_schema_is_one(name: str) -> None:
    told = json.loads(FILES[name].read_text(encoding="utf-8"))
    assert told["$schema"] == schemas.DIALECT
    jsonschema.Draft202012Validator.check_schema(told)


@pytest.mark.parametrize("words", [[], ["cu124", "torch2.6", "--archs", "8.6,8.9+PTX"]])
def test_a_plan_is_what_its_schema_says(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "matrix.yaml").write_text(matrix_with_small_sdists(tmp_path / "cache"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path / "cache"))
    assert main(["plan", "--json", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    schemas.check("plan", told)
    assert told["cells"]
    assert told["kernel_sets"]
    for spoilt in ({**told, "more": 1}, {**told, "schema": 2}, {key: told[key] for key in ("schema", "cells")}):
        with pytest.raises(jsonschema.ValidationError):
            schemas.check("plan", spoilt)
    assert main(["plan", "--json", "--why", "cu130"]) == 2
    assert "--why does not go with --json" in capsys.readouterr().err


def test_a_proof_is_what_its_schema_says() -> None:
    proofs = [json.loads(path.read_text(encoding="utf-8")) for path in (DATA / "proofs").glob("*.json")]
    todays = [proof for proof in proofs if proof["schema"] == prove.SCHEMA]
    assert todays
    for proof in todays:
        schemas.check("proof", proof)
