"""Keeps fetched toolkits in the cache: whole or not there at all, however many builds run at once."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from factory.errors import ToolkitError
from factory.system import strictjson
from factory.system.cache import locked
from factory.toolkit import check
from factory.toolkit.pins import Package, Recipe
from factory.toolkit.source import Errand, Source, megabytes
from factory.toolkit.toolkit import CudaToolkit

MANIFEST = "toolkit.json"
_MARKER = "__init__.py"  # wheels put one into every directory


def memory(cache: Path) -> Path:
    """Return the directory of ``cache`` where the digests of toolkits are kept between runs."""
    return cache / "toolkits" / ".digests"


def stored(recipe: Recipe, cache: Path) -> CudaToolkit | None:
    """Return the toolkit an earlier run made by ``recipe``; None where there is none.

    Raises ToolkitError where there is one and it is no longer what was put there.
    """
    home = cache / "toolkits" / recipe.directory
    if not home.exists():
        return None
    found = check.inspect(home, recipe.version, origin="the cache", memory=memory(cache))
    if _recorded_digest(home) != found.digest:
        raise ToolkitError(f"{home} was changed or damaged after it was put there")
    return found


def make(
    recipe: Recipe,
    cache: Path,
    *,
    sources: Mapping[str, Source],
    env: Mapping[str, str],
    say: Callable[[str], None],
) -> CudaToolkit:
    """Return the toolkit of ``recipe``, fetched and put together unless another build has done so meanwhile.

    Raises what the sources raise, ToolkitError where the result is not complete, and OSError where ``cache`` cannot
    be written.
    """
    with locked(
        cache / "toolkits" / f".{recipe.directory}.lock",
        lambda: say("  another build is fetching this toolkit; waiting for it"),
    ):
        home = cache / "toolkits" / recipe.directory
        with contextlib.suppress(ToolkitError):
            if made := stored(recipe, cache):
                return made
        draft, downloads = home.with_name(f".{home.name}.draft"), cache / "downloads" / home.name
        for leftover in (home, draft):
            shutil.rmtree(leftover, ignore_errors=True)
        downloads.mkdir(parents=True, exist_ok=True)
        try:
            _build(recipe, draft, Errand(env=env, downloads=downloads, trees=_fresh(draft / "trees"), say=say), sources)
            _seal(recipe, draft / "home", memory(cache))
            (draft / "home").rename(home)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(downloads)
        return check.inspect(home, recipe.version, origin=recipe.title, memory=memory(cache))


def _build(recipe: Recipe, draft: Path, errand: Errand, sources: Mapping[str, Source]) -> None:
    errand.say(f"CUDA {recipe.version}: fetching {megabytes(recipe.size)} from {recipe.title}")
    home = _fresh(draft / "home")
    for name in dict.fromkeys(package.source for package in recipe.packages):
        packages = [package for package in recipe.packages if package.source == name]
        trees = sources[name](packages, errand)
        for package in packages:
            take(package, trees[package.name], home)
    (home / "bin" / "nvcc.profile").write_text(recipe.profile)
    _link_runtime(home / "lib64")


def take(package: Package, tree: Path, home: Path) -> None:
    """Move what ``package`` is for from its unpacked ``tree`` to its place below ``home``.

    Raises ToolkitError where it does not hold that.
    """
    for origin, place in package.take.items():
        if not (tree / origin).exists():
            raise ToolkitError(f"{package.name} {package.version} holds no {origin}")
        _merge(tree / origin, home / place)


def _merge(origin: Path, target: Path) -> None:
    """Move a file, or a directory's files into one that may have files from another package."""
    if origin.is_symlink() or not origin.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        origin.replace(target)
        return
    for entry in list(origin.iterdir()):
        if entry.name != _MARKER:
            _merge(entry, target / entry.name)


def _link_runtime(lib: Path) -> None:
    """Wheels hold ``libcudart.so.12`` alone; the linker looks for the name without a number."""
    link = lib / "libcudart.so"
    for library in sorted(lib.glob("libcudart.so.*")):
        if not link.exists():
            link.symlink_to(library.name)


def _seal(recipe: Recipe, home: Path, notes: Path) -> None:
    """Check the draft, write down what it is, and have it on the disk before it gets its name."""
    made = check.inspect(home, recipe.version, origin=recipe.title, memory=notes)
    manifest = {"schema": 1, "recipe": recipe.model_dump(mode="json"), "digest": made.digest}
    (home / MANIFEST).write_text(json.dumps(manifest, indent=1))
    os.sync()


def _recorded_digest(home: Path) -> str | None:
    try:
        return str(strictjson.table((home / MANIFEST).read_bytes())["digest"])
    except (OSError, ValueError, KeyError):
        return None


def _fresh(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory
