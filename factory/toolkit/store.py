"""Keeps fetched toolkits in the cache: whole or not there at all, however many builds run at once."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from factory.errors import ToolkitError
from factory.system import strictjson
from factory.system.cache import locked
from factory.toolkit.pins import Package, Recipe
from factory.toolkit.source import Errand, Source, megabytes
from factory.toolkit.toolkit import CudaRuntime

MANIFEST = "toolkit.json"
_Found_co = TypeVar("_Found_co", bound=CudaRuntime, covariant=True)
_MARKER = "__init__.py"  # wheels put one into every directory


def memory(cache: Path) -> Path:
    """Return the directory of ``cache`` where the digests of toolkits are kept between runs."""
    return cache / "toolkits" / ".digests"


class Inspect(Protocol[_Found_co]):
    """``check.inspect`` for a whole toolkit, ``check.inspect_runtime`` for what host code needs of one."""

    def __call__(self, home: Path, version: str, *, origin: str, memory: Path) -> _Found_co:
        """Return what is at ``home``. Raises ToolkitError where that is not whole."""
        ...


def stored(recipe: Recipe, cache: Path, inspect: Inspect[_Found_co]) -> _Found_co | None:
    """Return what an earlier run made by ``recipe``, as ``inspect`` sees it; None where there is none.

    Raises ToolkitError where there is one and it is no longer what was put there.
    """
    home = cache / "toolkits" / recipe.directory
    if not home.exists():
        return None
    found = inspect(home, recipe.version, origin="the cache", memory=memory(cache))
    if _recorded_digest(home) != found.digest:
        raise ToolkitError(f"{home} was changed or damaged after it was put there")
    return found


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who fetches packages, by the name of their source, with which environment, and who is told."""

    sources: Mapping[str, Source]
    env: Mapping[str, str]
    say: Callable[[str], None]


def make(recipe: Recipe, cache: Path, inspect: Inspect[_Found_co], access: Access) -> _Found_co:
    """Return what ``recipe`` makes, as ``inspect`` sees it: fetched and put together, if no other build has done so.

    Raises what the sources raise, ToolkitError where the result is not complete, and OSError where ``cache`` cannot
    be written.
    """
    with locked(
        cache / "toolkits" / f".{recipe.directory}.lock",
        lambda: access.say("  another build is fetching this toolkit; waiting for it"),
    ):
        home = cache / "toolkits" / recipe.directory
        with contextlib.suppress(ToolkitError):
            if made := stored(recipe, cache, inspect):
                return made
        draft, downloads = home.with_name(f".{home.name}.draft"), cache / "downloads" / home.name
        for leftover in (home, draft):
            shutil.rmtree(leftover, ignore_errors=True)
        downloads.mkdir(parents=True, exist_ok=True)
        try:
            trees = _fresh(draft / "trees")
            errand = Errand(env=access.env, downloads=downloads, trees=trees, say=access.say)
            _build(recipe, draft, errand, access.sources)
            made = inspect(draft / "home", recipe.version, origin=recipe.title, memory=memory(cache))
            _seal(recipe, made)
            (draft / "home").rename(home)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(downloads)
        return inspect(home, recipe.version, origin=recipe.title, memory=memory(cache))


def _build(recipe: Recipe, draft: Path, errand: Errand, sources: Mapping[str, Source]) -> None:
    errand.say(f"CUDA {recipe.version}: fetching {megabytes(recipe.size)} from {recipe.title}")
    home = _fresh(draft / "home")
    for name in dict.fromkeys(package.source for package in recipe.packages):
        packages = [package for package in recipe.packages if package.source == name]
        trees = sources[name](packages, errand)
        for package in packages:
            take(package, trees[package.name], home)
    for place, text in recipe.added.items():
        (home / place).parent.mkdir(exist_ok=True)
        (home / place).write_text(text)
        (home / place).chmod(0o755)
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


def _seal(recipe: Recipe, made: CudaRuntime) -> None:
    """Write down what a draft is that was found whole, and have it on the disk before it gets its name."""
    manifest = {"schema": 1, "recipe": recipe.model_dump(mode="json"), "digest": made.digest}
    (made.home / MANIFEST).write_text(json.dumps(manifest, indent=1))
    os.sync()


def _recorded_digest(home: Path) -> str | None:
    try:
        return str(strictjson.table((home / MANIFEST).read_bytes())["digest"])
    except (OSError, ValueError, KeyError):
        return None


def _fresh(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory
