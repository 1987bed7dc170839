from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from factory.errors import DigestError, ToolkitError
from factory.toolkit import check, store
from factory.toolkit.pins import Package, Recipe
from factory.toolkit.source import Errand, Source
from factory.toolkit.store import Access
from factory.toolkit.toolkit import CudaToolkit

Maker = Callable[..., Path]

PROFILE = "TOP = $(_HERE_)/..\n"


def package(name: str, take: Mapping[str, str]) -> Package:
    return Package(source="redist", name=name, version="1", sha256="0" * 64, size=1, path=name, take=take)


RECIPE = Recipe(
    version="12.4",
    release="12.4.131",
    title="a test",
    profile=PROFILE,
    packages=(
        package("programs", {"usr/bin": "bin", "usr/nvvm": "nvvm"}),
        package("headers", {"usr/include": "include"}),
        package("runtime", {"usr/include": "include", "usr/lib": "lib64"}),
    ),
)


@pytest.fixture
def source(toolkit: Maker) -> Source:
    """Gives every package the same whole tree, with the runtime under its numbered name as wheels have it."""

    def fetch(packages: Sequence[Package], errand: Errand) -> Mapping[str, Path]:
        for wanted in packages:
            tree = toolkit(errand.trees / wanted.name / "usr")
            (tree / "lib64").rename(tree / "lib")
            (tree / "lib/libcudart.so").rename(tree / "lib/libcudart.so.12")
            (tree / "include/__init__.py").touch()
            (tree / f"include/{wanted.name}.h").touch()
            (errand.downloads / wanted.name).touch()
        return {wanted.name: errand.trees / wanted.name for wanted in packages}

    return fetch


def make(cache: Path, source: Source, recipe: Recipe = RECIPE, say: Callable[[str], None] = print) -> CudaToolkit:
    return store.make(recipe, cache, check.inspect, Access(sources={"redist": source}, env={}, say=say))


def test_packages_become_one_toolkit(tmp_path: Path, source: Source) -> None:
    made = make(tmp_path, source)
    assert made.home == tmp_path / "toolkits" / RECIPE.directory
    assert (made.home / "include/headers.h").is_file()
    assert (made.home / "include/runtime.h").is_file()
    assert not list(made.home.rglob("__init__.py"))
    assert (made.home / "bin/nvcc.profile").read_text() == PROFILE
    assert (made.home / "lib64/libcudart.so").resolve().name == "libcudart.so.12"
    manifest = json.loads((made.home / "toolkit.json").read_text())
    assert manifest["digest"] == made.digest
    assert Recipe.model_validate(manifest["recipe"]) == RECIPE


def test_nothing_but_the_toolkit_stays(tmp_path: Path, source: Source) -> None:
    make(tmp_path, source)
    assert [path.name for path in (tmp_path / "toolkits").iterdir() if not path.name.startswith(".")] == [
        RECIPE.directory
    ]
    assert not (tmp_path / "toolkits" / f".{RECIPE.directory}.draft").exists()
    assert list((tmp_path / "downloads").iterdir()) == []


def test_what_was_made_is_found_again(tmp_path: Path, source: Source) -> None:
    assert store.stored(RECIPE, tmp_path, check.inspect) is None
    made = make(tmp_path, source)
    found = store.stored(RECIPE, tmp_path, check.inspect)
    assert found is not None
    assert (found.home, found.digest) == (made.home, made.digest)


@pytest.mark.parametrize(
    "damage",
    [
        lambda home: (home / "include/cuda_bf16.h").write_text("changed"),
        lambda home: (home / "bin/ptxas").unlink(),
        lambda home: (home / "toolkit.json").unlink(),
        lambda home: (home / "toolkit.json").write_text("{"),
        lambda home: (home / "toolkit.json").write_text("[1]"),
        lambda home: (home / "toolkit.json").write_text("[" * 100_000),
    ],
    ids=["changed header", "lost program", "lost manifest", "cut manifest", "no manifest", "deep manifest"],
)
def test_a_damaged_toolkit_is_refused_and_made_again(
    tmp_path: Path, source: Source, damage: Callable[[Path], None]
) -> None:
    made = make(tmp_path, source)
    damage(made.home)
    with pytest.raises(ToolkitError):
        store.stored(RECIPE, tmp_path, check.inspect)
    assert make(tmp_path, source).digest == made.digest


def test_leftovers_of_a_killed_build_do_no_harm(tmp_path: Path, source: Source) -> None:
    draft = tmp_path / "toolkits" / f".{RECIPE.directory}.draft" / "home" / "include"
    draft.mkdir(parents=True)
    (draft / "stale.h").touch()
    assert not (make(tmp_path, source).home / "include/stale.h").exists()


def test_a_failing_source_leaves_no_toolkit_and_keeps_downloads(tmp_path: Path) -> None:
    def fail(_: Sequence[Package], errand: Errand) -> Mapping[str, Path]:
        (errand.downloads / "half.part").touch()
        raise DigestError("wrong file")

    with pytest.raises(DigestError):
        make(tmp_path, fail)
    assert [path.name for path in (tmp_path / "toolkits").iterdir()] == [f".{RECIPE.directory}.lock"]
    assert [path.name for path in (tmp_path / "downloads").rglob("*.part")] == ["half.part"]


def test_an_incomplete_result_is_not_kept(tmp_path: Path, source: Source) -> None:
    recipe = RECIPE.model_copy(update={"packages": RECIPE.packages[:2]})
    with pytest.raises(ToolkitError) as raised:
        make(tmp_path, source, recipe)
    assert raised.value.why == ("missing: lib64/libcudart.so",)
    assert store.stored(recipe, tmp_path, check.inspect) is None


def test_a_package_without_what_is_taken_is_named(tmp_path: Path, source: Source) -> None:
    recipe = RECIPE.model_copy(update={"packages": (package("programs", {"opt": "bin"}),)})
    with pytest.raises(ToolkitError, match="programs 1 holds no opt"):
        make(tmp_path, source, recipe)


def test_two_builds_at_once_fetch_once(tmp_path: Path, source: Source) -> None:
    began, waits, fetches = threading.Event(), threading.Event(), []

    def slow(packages: Sequence[Package], errand: Errand) -> Mapping[str, Path]:
        fetches.append(errand)
        began.set()
        assert waits.wait(10)
        return source(packages, errand)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(make, tmp_path, slow)
        assert began.wait(10)
        second = pool.submit(make, tmp_path, slow, RECIPE, lambda text: waits.set() if "waiting" in text else None)
        assert first.result().digest == second.result().digest
    assert len(fetches) == 1
