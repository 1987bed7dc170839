"""Every key, verb, option, exit status and variable has its entry, and what pages link to is there."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory import errors
from factory.cli.commandline import CommandParser
from factory.cli.parser import parser
from factory.data import DATA
from project.pages import keys, links, modules, tree, variables, verbs

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads((DATA / "matrix.schema.json").read_text())
KEYS = {key.path: key for key in keys.keys(SCHEMA)}
VERBS = verbs.page(parser())


def unescaped(page: str) -> str:
    return re.sub(r"\\(.)", r"\1", page)


# Keys


def test_every_property_of_the_schema_is_a_key_with_its_meaning() -> None:
    rows = [SCHEMA, *SCHEMA["$defs"].values()]
    named = {name for row in rows for name in row.get("properties", {})}
    assert {path.rpartition(".")[2] for path in KEYS} == named
    assert len(KEYS) >= sum(len(row.get("properties", {})) for row in rows)  # a row may be in several places
    assert [key.path for key in KEYS.values() if len(key.about) < 5] == []


def test_a_key_stands_where_it_is_in_the_file() -> None:
    assert {"archs", "cuda.*.image.name", "skip[].reason", "torch.*.builds.*.abi", "wheels.*.cuda"} <= set(KEYS)
    assert KEYS["max_jobs"].holds == "a whole number from 1 to 10000"
    assert KEYS["cuda.*.image"].holds == "a mapping or null"
    assert KEYS["skip[].reason"].required
    assert not KEYS["skip[].torch"].required


@pytest.mark.parametrize("path", KEYS)
def test_every_key_has_its_entry(path: str) -> None:
    page = unescaped(keys.page(SCHEMA))
    assert f"<code>{path}</code>" in page or f"\n## {path}\n" in page


# Verbs


def parsers(one: CommandParser, name: str = "") -> Iterator[tuple[str, CommandParser]]:
    if name:
        yield name, one
    for group in one.verbs.values():
        for verb, inner in group.items():
            yield from parsers(inner, f"{name} {verb}".strip())


@pytest.mark.parametrize(("name", "verb"), [pytest.param(*row, id=row[0]) for row in parsers(parser())])
def test_every_verb_has_its_entry_with_all_its_options(name: str, verb: CommandParser) -> None:
    (entry,) = re.findall(rf"^###+ {name}\n(.*?)(?=^##|\Z)", VERBS, re.MULTILINE | re.DOTALL)
    told = set(re.findall(r"--[a-z][a-z-]*", verb.format_help()))
    assert told <= set(re.findall(r"--[a-z][a-z-]*", unescaped(entry).partition("```\n\n|")[2]))


def test_the_examples_of_a_verb_can_be_copied() -> None:
    assert re.search(r"```sh\n(?:\S.* plan.*\n)*\S.* plan(?: --)? --all\n", VERBS)


# Exit statuses


def test_every_exit_status_has_its_entry() -> None:
    page = (ROOT / "docs" / "exit-statuses.md").read_text()
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.FactoryError)]
    assert {str(kind.status) for kind in kinds} <= set(re.findall(r"^\| (\d+) \|", page, re.MULTILINE))


# Variables

_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_OF_SOMEBODY = re.compile(r"(?:FACTORY|GITHUB|PIP|UV|DOCKER|CONTAINERS?|XDG|SSL|CUDA|PYENV)_[A-Z0-9_]+")
_NO_VARIABLES = {"CUDA_PATH", "FACTORY_UNIT"}  # a path's name in our code, and a macro


def read(module: ast.Module) -> Iterator[str]:
    """Yield the names of the variables that a module reads or sets."""
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(attr="get", value=owner), args=[ast.Constant(value=str(name)), *_]):
                if ast.unparse(owner).endswith(("env", "environ")):
                    yield name
            case ast.Subscript(value=owner, slice=ast.Constant(value=str(name))):
                if ast.unparse(owner).endswith(("env", "environ")):
                    yield name
            case ast.Constant(value=str(name)) if _OF_SOMEBODY.fullmatch(name):
                yield name


def test_every_variable_has_its_entry_and_no_other() -> None:
    used = {
        name
        for path in (ROOT / "factory").rglob("*.py")
        for name in read(ast.parse(path.read_text()))
        if name not in _NO_VARIABLES
    }
    told = [name for group in variables.groups() for row in group["row"] for name in row["names"]]
    text = "".join(path.read_text() for path in (ROOT / "factory").rglob("*.py"))
    assert used - set(told) == set()
    assert [name for name in told if not re.search(rf"\b{name}\b", text)] == []
    assert len(set(told)) == len(told)
    page = unescaped(variables.page())
    assert [name for name in told if f"<code>{name}</code>" not in page] == []


# Modules


def test_every_module_is_on_one_page() -> None:
    named = modules.names(ROOT)
    made = modules.pages(named)
    shown = re.findall(r"automodule:: (\S+)", "".join(made.values()))
    assert sorted(shown) == sorted(named)
    assert "factory.matrix.cells" in made["modules/factory.matrix.rst"]
    listed = made["modules/index.md"].splitlines()
    assert {f"modules/{name}.rst" for name in listed if name.startswith("factory")} == made.keys() - {
        "modules/index.md"
    }


# The tree and its links


def clone(root: Path, readme: str) -> Path:
    (root / "docs").mkdir(parents=True)
    for name in tree.WRITTEN:
        (root / name).write_text(f"# {name}\n")
    (root / "README.md").write_text(readme)
    (root / "docs" / "fork.md").write_text("# Fork\n\n[here](../matrix.yaml), [there](other.md#one)\n")
    (root / "docs" / "other.md").write_text("# Other\n")
    (root / "matrix.yaml").write_text("a: 1\n")
    return root


def test_pages_stand_as_in_the_clone_with_what_they_link_to(tmp_path: Path) -> None:
    root = clone(tmp_path / "clone", "# Hello\n\n[a](docs/fork.md), [b](https://example.org), [of ours](docs)\n")
    tree.fill(tmp_path / "tree", root, {"verbs.md": "# Verbs\n", "modules/index.md": "# Code\n"})
    assert (tmp_path / "tree/matrix.yaml").read_text() == "a: 1\n"
    assert (tmp_path / "tree/docs/fork.md").read_text() == (root / "docs/fork.md").read_text()
    first = (tmp_path / "tree/index.md").read_text()
    assert first.startswith("# Hello\n\n[a](docs/fork.md), [b](https://example.org), of ours\n")
    for name in ("docs/fork.md", "docs/other.md", "verbs.md", "CONTRIBUTING.md", "modules/index.md"):
        assert f"\n{name}\n" in first
    assert not (tmp_path / "tree/README.md").exists()


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    root = clone(tmp_path / "clone", "# Hello\n\n[a](docs/gone.md)\n")
    with pytest.raises(ValueError, match=r"README\.md links to docs/gone\.md"):
        tree.fill(tmp_path / "tree", root, {})


def test_links_of_finished_pages_are_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "index.html").write_text('<a href="in/">a</a><a href="#b">b</a><p id="b"><img src="c%20d.svg">')
    (tmp_path / "in/index.html").write_text('<a href="../index.html#b">a</a><a href="https://example.org/x">b</a>')
    (tmp_path / "c d.svg").write_text("<svg/>")
    assert list(links.broken(tmp_path)) == []
    (tmp_path / "in/index.html").write_text('<a href="../index.html#c">a</a><script src="gone.js"></script>')
    assert list(links.broken(tmp_path)) == [
        "in/index.html links to ../index.html#c",
        "in/index.html links to gone.js",
    ]
