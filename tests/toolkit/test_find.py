from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import DiskFullError, ToolkitError, UnreachableError
from factory.toolkit.find import World, find, pins, runtime, runtime_pins
from factory.toolkit.pins import Package, Recipe, RuntimeRecipe
from factory.toolkit.source import Errand, Source

Maker = Callable[..., Path]


def recipe(title: str, source: str) -> Recipe:
    package = Package.model_validate(
        {"source": source, "name": "all", "version": "1", "sha256": "0" * 64, "size": 1, "take": {"cuda": "."}}
    )
    return Recipe(version="12.4", release="12.4.131", title=title, profile="", packages=(package,))


ALONE = RuntimeRecipe(**recipe("the index", "index").model_dump())
WAYS = (recipe("Debian", "debian"), recipe("NVIDIA", "redist"))


def unreachable(_: Sequence[Package], __: Errand) -> Mapping[str, Path]:
    raise UnreachableError("no answer", why=["asked twice"])


def no_space(_: Sequence[Package], __: Errand) -> Mapping[str, Path]:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def forbidden(_: Sequence[Package], errand: Errand) -> Mapping[str, Path]:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(errand.trees))


@pytest.fixture
def good(toolkit: Maker) -> Source:
    def fetch(_: Sequence[Package], errand: Errand) -> Mapping[str, Path]:
        toolkit(errand.trees / "all/cuda")
        return {"all": errand.trees / "all"}

    return fetch


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Nothing installed, and every source out of reach."""
    sources = {"debian": unreachable, "redist": unreachable, "index": unreachable}
    return World(local=tmp_path / "local", recipes={"12.4": WAYS}, runtimes={"12.4": ALONE}, sources=sources)


@pytest.mark.parametrize("variable", ["CUDA_HOME", "CUDA_PATH"])
def test_the_named_toolkit_is_first(
    tmp_path: Path, toolkit: Maker, world: World, said: list[str], variable: str
) -> None:
    toolkit(tmp_path / "local/cuda-12.4")
    home = toolkit(tmp_path / "mine")
    found = find("12.4", {variable: str(home)}, tmp_path / "cache", said.append, world)
    assert (found.home, found.origin, said) == (home, variable, [])


@pytest.mark.parametrize("name", ["cuda-12.4", "cuda"])
def test_an_installed_toolkit_is_found(
    tmp_path: Path, toolkit: Maker, world: World, said: list[str], name: str
) -> None:
    home = toolkit(tmp_path / "local" / name)
    found = find("12.4", {"CUDA_HOME": ""}, tmp_path / "cache", said.append, world)
    assert (found.home, said) == (home, [])


def test_a_link_is_followed_so_that_the_path_stays_when_it_moves(
    tmp_path: Path, toolkit: Maker, world: World, said: list[str]
) -> None:
    home = toolkit(tmp_path / "local/cuda-12.4.1")
    (tmp_path / "local/cuda").symlink_to(home)
    assert find("12.4", {}, tmp_path / "cache", said.append, world).home == home


def test_a_named_toolkit_of_another_version_is_said_and_passed_over(
    tmp_path: Path, toolkit: Maker, world: World, said: list[str]
) -> None:
    other = toolkit(tmp_path / "other", release="13.0.88", without=["bin/ptxas"])
    home = toolkit(tmp_path / "local/cuda-12.4")
    env = {"CUDA_HOME": str(other), "CUDA_PATH": str(other)}
    assert find("12.4", env, tmp_path / "cache", said.append, world).home == home
    assert said == [
        f"not used: CUDA_HOME: {other} is not a complete CUDA 12.4; it is CUDA 13.0 (13.0.88); missing: bin/ptxas"
    ]


def test_an_incomplete_installed_toolkit_is_said_and_passed_over(
    tmp_path: Path, toolkit: Maker, world: World, said: list[str]
) -> None:
    toolkit(tmp_path / "local/cuda-12.4", without=["include/cuda_runtime.h"])
    home = toolkit(tmp_path / "local/cuda")
    assert find("12.4", {}, tmp_path / "cache", said.append, world).home == home
    assert len(said) == 1
    assert "missing: include/cuda_runtime.h" in said[0]


def test_the_next_source_is_tried_and_the_cache_then_serves(
    tmp_path: Path, world: World, said: list[str], good: Source
) -> None:
    works = World(local=world.local, recipes=world.recipes, sources={"debian": unreachable, "redist": good})
    made = find("12.4", {}, tmp_path / "cache", said.append, works)
    assert made.home == tmp_path / "cache/toolkits" / WAYS[1].directory
    assert "not from Debian: no answer; asked twice" in said
    said.clear()
    again = find("12.4", {}, tmp_path / "cache", said.append, world)
    assert (again.home, again.digest, again.origin, said) == (made.home, made.digest, "the cache", [])


def test_a_damaged_cached_toolkit_is_said_and_fetched_again(
    tmp_path: Path, world: World, said: list[str], good: Source
) -> None:
    works = World(local=world.local, recipes=world.recipes, sources={"debian": good})
    made = find("12.4", {}, tmp_path / "cache", said.append, works)
    shutil.rmtree(made.home / "nvvm")
    said.clear()
    assert find("12.4", {}, tmp_path / "cache", said.append, works).digest == made.digest
    assert "missing: nvvm/bin/cicc, nvvm/libdevice/libdevice.10.bc" in said[0]


def test_when_nothing_helps_every_reason_is_listed(
    tmp_path: Path, toolkit: Maker, world: World, said: list[str]
) -> None:
    toolkit(tmp_path / "mine", release="11.8.89")
    with pytest.raises(ToolkitError, match=r"no complete CUDA 12\.4 toolkit") as raised:
        find("12.4", {"CUDA_HOME": str(tmp_path / "mine")}, tmp_path / "cache", said.append, world)
    assert [line.split(": ")[0] for line in raised.value.why] == ["not used", "not from Debian", "not from NVIDIA"]
    assert "export CUDA_HOME=" in raised.value.remedy


def test_a_version_without_pins_says_so(tmp_path: Path, world: World, said: list[str]) -> None:
    with pytest.raises(ToolkitError) as raised:
        find("12.1", {}, tmp_path / "cache", said.append, world)
    assert raised.value.why == ("no packages of CUDA 12.1 are listed in factory/data/toolkits.yaml",)


def test_a_full_disk_ends_the_search(tmp_path: Path, world: World, said: list[str], good: Source) -> None:
    full = World(local=world.local, recipes=world.recipes, sources={"debian": no_space, "redist": good})
    with pytest.raises(DiskFullError, match="is full"):
        find("12.4", {}, tmp_path / "cache", said.append, full)


def test_a_forbidden_directory_is_an_answer_not_a_crash(tmp_path: Path, world: World, said: list[str]) -> None:
    closed = World(local=world.local, recipes=world.recipes, sources={"debian": forbidden, "redist": forbidden})
    with pytest.raises(ToolkitError) as raised:
        find("12.4", {}, tmp_path / "cache", said.append, closed)
    assert "Permission denied" in raised.value.why[0]


@pytest.fixture
def headers(toolkit: Maker) -> Source:
    """Gives what the index has for host code: no program at all."""

    def fetch(_: Sequence[Package], errand: Errand) -> Mapping[str, Path]:
        toolkit(errand.trees / "all/cuda")
        shutil.rmtree(errand.trees / "all/cuda/bin")
        shutil.rmtree(errand.trees / "all/cuda/nvvm")
        return {"all": errand.trees / "all"}

    return fetch


def test_a_runtime_alone_is_fetched_where_there_is_no_toolkit(
    tmp_path: Path, world: World, said: list[str], headers: Source
) -> None:
    works = replace(world, sources={**world.sources, "index": headers})
    made = runtime("12.4", {}, tmp_path / "cache", said.append, works)
    assert made.home == tmp_path / "cache/toolkits" / ALONE.directory
    assert made.release == "12.4.131"
    assert runtime("12.4", {}, tmp_path / "cache", said.append, world).digest == made.digest
    assert "the index" in said[0]
    assert len(said) == 1


def test_a_runtime_alone_is_no_toolkit(tmp_path: Path, world: World, said: list[str], headers: Source) -> None:
    works = replace(world, sources={**world.sources, "index": headers})
    made = runtime("12.4", {}, tmp_path / "cache", said.append, works)
    with pytest.raises(ToolkitError, match="no complete CUDA"):
        find("12.4", {"CUDA_HOME": str(made.home)}, tmp_path / "cache", said.append, works)
    asked = subprocess.run([made.home / "bin/nvcc", "-V"], check=True, capture_output=True, text=True)
    assert "release 12.4, V12.4.131" in asked.stdout
    refused = subprocess.run([made.home / "bin/nvcc", "-c", "x.cu"], check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "another toolkit compiles the kernels" in refused.stderr


def test_a_toolkit_that_is_here_is_the_runtime(
    tmp_path: Path, toolkit: Maker, world: World, said: list[str], headers: Source
) -> None:
    home = toolkit(tmp_path / "local/cuda")
    works = replace(world, sources={**world.sources, "index": headers})
    assert runtime("12.4", {}, tmp_path / "cache", said.append, works).home == home
    assert said == []


def test_where_no_runtime_alone_can_be_had_the_whole_toolkit_is(
    tmp_path: Path, world: World, said: list[str], good: Source
) -> None:
    works = replace(world, sources={**world.sources, "debian": good})
    made = runtime("12.4", {}, tmp_path / "cache", said.append, works)
    assert made.home == tmp_path / "cache/toolkits" / WAYS[0].directory
    assert "not from the index: no answer; asked twice" in said
    without = replace(works, runtimes={}, sources={"debian": good})
    assert runtime("12.4", {}, tmp_path / "other", said.append, without).release == "12.4.131"


def test_a_damaged_runtime_is_fetched_again(tmp_path: Path, world: World, said: list[str], headers: Source) -> None:
    works = replace(world, sources={**world.sources, "index": headers})
    made = runtime("12.4", {}, tmp_path / "cache", said.append, works)
    (made.home / "include/cuda_runtime.h").write_text("altered")
    again = runtime("12.4", {}, tmp_path / "cache", said.append, works)
    assert again.digest == made.digest
    assert (again.home / "include/cuda_runtime.h").read_text() != "altered"


def test_every_pinned_source_has_a_fetcher() -> None:
    recipes = [*(way for ways in pins().values() for way in ways), *runtime_pins().values()]
    sources = {package.source for recipe in recipes for package in recipe.packages}
    assert sources <= set(World().sources)
