from __future__ import annotations

from importlib import resources

import pytest
import yaml
from pydantic import ValidationError

from factory.matrix.load import load as load_matrix
from factory.toolkit.pins import Package, Recipe, parse, parse_runtimes
from tests.frozen import MATRIX

PACKAGE = Package(
    source="redist", name="cuda_nvcc", version="1", sha256="0" * 64, size=10, path="a/b.tar.xz", take={"bin": "bin"}
)
RECIPE = Recipe(version="12.4", release="12.4.131", title="somewhere", profile="TOP = x\n", packages=(PACKAGE,))


TEXT = resources.files("factory.data").joinpath("toolkits.yaml").read_text(encoding="utf-8")


def shipped() -> dict[str, tuple[Recipe, ...]]:
    return parse(TEXT, "x86_64")


def test_the_shipped_pins_cover_every_cuda_that_is_built() -> None:
    assert {"12.4", "12.6", "12.8", "12.9", "13.0", "13.2"} <= set(shipped())


def test_the_shipped_pins_say_the_release_of_their_compiler() -> None:
    for ways in shipped().values():
        for recipe in ways:
            compiler = next(p for p in recipe.packages if "nvcc" in p.name or "toolkit" in p.name)
            assert compiler.version.split("~")[0] == recipe.release
            assert recipe.release.startswith(recipe.version + ".")


def test_a_runtime_alone_is_of_its_toolkits_release_and_smaller() -> None:
    runtimes = parse_runtimes(TEXT, "x86_64")
    assert {"12.6", "12.8", "12.9", "13.2"} <= set(runtimes)
    for version, alone in runtimes.items():
        whole = shipped()[version][0]
        assert alone.release == whole.release
        assert alone.directory != whole.directory
        assert alone.size < whole.size / 1.8
        assert {package.source for package in alone.packages} == {"index"}


def test_another_machine_has_the_same_packages_of_the_cuda_that_torch_is_built_with_for_it() -> None:
    """Some are the same for both but for a tag; the programs and the libraries are not."""
    matrix = load_matrix(MATRIX.read_text(encoding="utf-8"))
    wanted = {one.cuda for row in matrix.torch.values() for one in row.builds if "aarch64" in one.machines}
    assert wanted
    there = parse(TEXT, "aarch64")
    assert wanted == {version for version, ways in there.items() if ways}
    pairs = [(way, shipped()[version][0]) for version, ways in there.items() for way in ways]
    alone, here = (parse_runtimes(TEXT, machine) for machine in ("aarch64", "x86_64"))
    pairs += [(way, here[version]) for version, way in alone.items()]
    for way, ours in pairs:
        names = [[(one.name, one.version, one.take) for one in recipe.packages] for recipe in (way, ours)]
        assert names[0] == names[1]
        assert way.release == ours.release
        assert not {one.sha256 for one in way.packages} & {one.sha256 for one in ours.packages}
        assert way.directory != ours.directory
    assert len(alone) < len(here)


def test_only_the_index_needs_no_path() -> None:
    packages = [package for ways in shipped().values() for recipe in ways for package in recipe.packages]
    assert all(bool(package.path) == (package.source != "index") for package in packages)


def test_archives_of_one_recipe_do_not_share_a_name() -> None:
    for ways in shipped().values():
        for recipe in ways:
            names = [package.name for package in recipe.packages]
            assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "change",
    [{"sha256": "1" * 64}, {"take": {"bin": "bin2"}}, {"version": "2"}, {"path": "a/c.tar.xz"}],
)
def test_the_digest_follows_every_part_of_a_package(change: dict[str, object]) -> None:
    other = RECIPE.model_copy(update={"packages": (PACKAGE.model_copy(update=change),)})
    assert other.digest != RECIPE.digest
    assert other.directory != RECIPE.directory


def test_the_digest_follows_the_profile_and_not_the_title() -> None:
    assert RECIPE.model_copy(update={"profile": "TOP = y\n"}).digest != RECIPE.digest
    assert RECIPE.model_copy(update={"title": "elsewhere"}).digest == RECIPE.digest


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("sha256", "0" * 63, "sha256"),
        ("size", "0", "size"),
        ("path", "../x", "must be relative"),
        ("take", {"/bin": "bin"}, "must be relative"),
        ("take", {"bin": "../bin"}, "must be relative"),
        ("source", "somewhere", "source"),
        ("colour", "red", "colour"),
    ],
)
def test_a_wrong_pin_is_refused_by_name(field: str, value: object, complaint: str) -> None:
    package = PACKAGE.model_dump(mode="json") | {field: value}
    entry = {"release": "12.4.131", "ways": [{"title": "t", "packages": [package]}]}
    document = {"profile": "p", "take": {}, "toolkits": {"12.4": entry}}
    with pytest.raises(ValidationError, match=complaint):
        parse(yaml.safe_dump(document), "x86_64")
