"""What the rehearsal reads and decides by itself, held to what GitHub documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rehearsal.artifacts import Artifacts, Refused
from tests.rehearsal.caches import Caches
from tests.rehearsal.commands import assignments
from tests.rehearsal.found import find
from tests.rehearsal.matrix import combinations
from tests.rehearsal.permissions import SCOPES, allows, check_nested, read
from tests.rehearsal.tree import Breakage, Expression, Tree, Where

HERE = Where("a.yml", 3)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]*", fullmatch=True)
# Lines end where Python's splitlines ends them; GitHub's runner knows only \r and \n.
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")))


@given(st.dictionaries(NAMES, st.lists(TEXTS, min_size=1, max_size=3).map("\n".join), max_size=4))
def test_what_was_told_is_read(told: dict[str, str]) -> None:
    blocks = "".join(f"{name}<<-end of it-\n{value}\n-end of it-\n" for name, value in told.items())
    assert assignments(blocks) == told
    lines = {name: value for name, value in told.items() if "\n" not in value}
    assert assignments("\n\n".join(f"{name}={value}" for name, value in lines.items())) == lines


@pytest.mark.parametrize("text", ["nonsense", "=value", "a<<END\nvalue\n"])
def test_what_was_told_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid format|does not come"):
        assignments(text)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name in ("dist/a.whl", "dist/a.whl.report.json", "dist/sub/b.whl", "dist/.hidden/c", "site/index.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ("dist", {"a.whl", "a.whl.report.json", "sub/b.whl"}),
        ("dist/*.whl", {"a.whl"}),
        ("dist/**/*.whl", {"a.whl", "sub/b.whl"}),
        ("dist/*.whl\ndist/*.json", {"a.whl", "a.whl.report.json"}),
        ("dist/a.whl", {"a.whl"}),
        ("dist/*.whl\nsite", {"dist/a.whl", "site/index.html"}),
        ("dist\n!dist/sub", {"a.whl", "a.whl.report.json"}),
        ("dist/.hidden", set()),
        ("none/*", set()),
        ("~/dist/a.whl", {"a.whl"}),
    ],
)
def test_files_are_found_and_named_as_in_an_artifact(workspace: Path, patterns: str, names: set[str]) -> None:
    found = find(patterns, workspace, workspace, hidden=False)
    assert {str(file.relative_to(found.root)) for file in found.files} == names


def test_hidden_files_are_found_where_they_are_wanted(workspace: Path) -> None:
    found = find("dist", workspace, workspace, hidden=True)
    assert workspace / "dist" / ".hidden" / "c" in found.files


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a*b"])
def test_github_does_not_take_every_name(workspace: Path, name: str) -> None:
    with pytest.raises(Refused, match="cannot be named"):
        Artifacts(workspace / "kept").upload(name, find("dist", workspace, workspace, hidden=False), overwrite=False)


def test_a_cache_prefers_the_exact_key_and_then_the_newest_of_a_prefix(workspace: Path) -> None:
    caches = Caches(workspace / "caches")
    for key in ("pool-1", "pool-2", "other-1"):
        assert caches.save(key, "dist", [workspace / "dist"])
    assert caches.find(["pool-1", "pool-"], "dist") == "pool-1"
    assert caches.find(["pool-3", "other-", "pool-"], "dist") == "other-1"
    assert caches.find(["pool-3", "pool-"], "dist") == "pool-2"
    assert caches.find(["pool-1"], "site") is None
    caches.restore("pool-1", "dist", [workspace / "back"])
    assert (workspace / "back" / "sub" / "b.whl").read_text() == "dist/sub/b.whl"


@pytest.mark.parametrize(
    ("matrix", "made"),
    [
        ({"a": [1, 2], "b": [3]}, [{"a": 1, "b": 3}, {"a": 2, "b": 3}]),
        ({"include": [{"x": 1}, {"x": 2}]}, [{"x": 1}, {"x": 2}]),
        ({"a": [1, 2], "exclude": [{"a": 1}]}, [{"a": 2}]),
        # GitHub's own example: https://docs.github.com/actions/using-jobs/using-a-matrix-for-your-jobs
        (
            {
                "fruit": ["apple", "pear"],
                "animal": ["cat", "dog"],
                "include": [
                    {"color": "green"},
                    {"color": "pink", "animal": "cat"},
                    {"fruit": "apple", "shape": "circle"},
                    {"fruit": "banana"},
                    {"fruit": "banana", "animal": "cat"},
                ],
            },
            [
                {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
                {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
                {"fruit": "pear", "animal": "cat", "color": "pink"},
                {"fruit": "pear", "animal": "dog", "color": "green"},
                {"fruit": "banana"},
                {"fruit": "banana", "animal": "cat"},
            ],
        ),
    ],
)
def test_matrices_are_expanded(matrix: object, made: list[object]) -> None:
    assert list(combinations(matrix, HERE)) == made


@pytest.mark.parametrize("matrix", [[], {}, {"a": []}, {"a": "[]"}, {"include": {}}, {"a": list(range(257))}])
def test_matrices_that_github_does_not_take_are_refused(matrix: object) -> None:
    with pytest.raises(Breakage, match=r"^a\.yml:3: "):
        combinations(matrix, HERE)


def test_permissions_are_what_is_said_and_nothing_else() -> None:
    said = read(Tree(HERE, {"contents": Tree(HERE, "write")}), {})
    assert allows(said, "contents", "read")
    assert not allows(said, "pages", "read")
    assert allows(read(Tree(HERE, "read-all"), {}), SCOPES[-1], "read")
    assert read(None, said) == said
    check_nested({"contents": "read"}, said, HERE)
    with pytest.raises(Breakage, match="asks for pages: write"):
        check_nested({"pages": "write"}, said, HERE)
    with pytest.raises(Breakage, match="is not rehearsed"):
        read(Tree(HERE, {"content": Tree(HERE, "read")}), {})


@pytest.mark.parametrize("kind", ["map", "seq", "text"])
def test_a_tree_says_where_it_does_not_fit(kind: str) -> None:
    with pytest.raises(Breakage, match=r"^a\.yml:3: .* is wanted here"):
        getattr(Tree(HERE, Expression("github.sha")), kind)
