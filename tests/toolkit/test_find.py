from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from factory.errors import DiskFullError, ToolkitError, UnreachableError
from factory.toolkit.find import World, find, pins
from factory.toolkit.pins import Package, Recipe
from factory.toolkit.source import Errand, Source

Maker = Callable[..., Path]


def recipe(title: str, source: str) -> Recipe:
    package = Package.model_validate(
        {"source": source, "name": "all", "version": "1", "sha256": "0" * 64, "size": 1, "take": {"cuda": "."}}
    )
    return Recipe(version="12.4", release="12.4.131", title=title, profile="", packages=(package,))


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
    sources = {"debian": unreachable, "redist": unreachable}
    return World(local=tmp_path / "local", recipes={"12.4": WAYS}, sources=sources)


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


def test_every_pinned_source_has_a_fetcher() -> None:
    sources = {package.source for ways in pins().values() for way in ways for package in way.packages}
    assert sources <= set(World().sources)
