"""The CUDA toolkits of this machine: the one torch's extension builder would take, and all that are complete."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from factory.doctor.cuda import NVCC
from factory.doctor.facts import Fetch, Home, Missing, Program
from factory.system import files, process
from factory.toolkit import check
from factory.toolkit.find import World, places
from factory.toolkit.toolkit import NAMED, read_release, series


def nvcc(env: Mapping[str, str]) -> Program | Missing:
    """Return the nvcc on PATH, or what is the matter with it."""
    path = shutil.which("nvcc", path=env.get("PATH", ""))
    if path is None:
        return Missing(what="there is none on PATH")
    done = process.run([path, "--version"], env=env, timeout=60)
    said = (done.stdout + done.stderr).strip().partition("\n")[0][:200]
    return Program(path=path, version=read_release(done.stdout), said=said or f"nothing, and ended with {done.status}")


def home(env: Mapping[str, str], local: Path) -> Home | Missing:
    """Return the toolkit that torch would take: the variables, above the nvcc on PATH, ``cuda`` in ``local``.

    Source: ``_find_cuda_home`` of torch/utils/cpp_extension.py, torch 2.6.0.
    """
    named = next((name for name in NAMED if env.get(name)), None)
    if named:
        return _home(named, Path(env[named]))
    compiler = shutil.which("nvcc", path=env.get("PATH", ""))
    if compiler:
        return _home(NVCC, Path(compiler).parent.parent)
    usual = local / "cuda"
    if files.is_file(usual / "bin" / "nvcc"):
        return _home(str(usual), usual)
    return Missing(what=f"not set, no nvcc is on PATH, and there is no {usual}")


def toolkits(env: Mapping[str, str], cache: Path | None, local: Path) -> dict[str, Home]:
    """Return the complete toolkits here, by CUDA version; one that is installed goes before one in the cache."""
    found: dict[str, Home] = {}
    for origin, path in _places(env, cache, local):
        one = _home(origin, path)
        if one.release and not one.lacking:
            found.setdefault(series(one.release), one)
    return found


def _places(env: Mapping[str, str], cache: Path | None, local: Path) -> Iterator[tuple[str, Path]]:
    yield from ((name, Path(env[name])) for name in NAMED if env.get(name))
    yield from ((str(path), path) for path in (local / "cuda", *files.matching(local, "cuda-*")))
    if cache is not None:
        yield from (("the factory's cache", path) for path in files.matching(cache / "toolkits", "cuda-*"))


def _home(origin: str, path: Path) -> Home:
    return Home(origin=origin, path=str(path), release=check.release_of(path), lacking=check.lacking(path))


def supply(
    version: str, env: Mapping[str, str], cache: Path | None, world: World
) -> tuple[Home | Fetch | Missing, tuple[str, ...]]:
    """Return which toolkit of CUDA ``version`` the factory would take, in its order, and what it would pass over."""
    passed: list[str] = []
    for origin, path in places(version, env, world.local):
        one = _home(origin, path)
        if one.release and series(one.release) == version and not one.lacking:
            return one, tuple(passed)
        passed.append(f"{origin} is passed over ({_why_not(one, version)})")
    recipes = world.recipes.get(version, ())
    kept = [_home("the cache", cache / "toolkits" / recipe.directory) for recipe in recipes] if cache else []
    for one in kept:
        if one.release and not one.lacking:
            return one, tuple(passed)
    if recipes:
        return Fetch(title=recipes[0].title, size=recipes[0].size), tuple(passed)
    remedy = f"Install CUDA {version}, then type: export CUDA_HOME=/usr/local/cuda-{version}"
    return Missing(what=f"no CUDA {version} is here, and none can be fetched", remedy=remedy), tuple(passed)


def runtime(version: str, env: Mapping[str, str], cache: Path | None, world: World) -> Home | Fetch | Missing:
    """Return what the factory would take for host code of CUDA ``version`` whose kernels another toolkit compiles."""
    whole, _ = supply(version, env, cache, world)
    alone = world.runtimes.get(version)
    if isinstance(whole, Home) or alone is None:
        return whole
    kept = cache / "toolkits" / alone.directory if cache else None
    if kept and not check.lacking_for_host(kept):
        return Home(origin="the cache", path=str(kept), release=alone.release, lacking=())
    return Fetch(title=alone.title, size=alone.size)


def _why_not(one: Home, version: str) -> str:
    if one.release is None:
        return f"{one.path} has no nvcc that says its version"
    return f"it is CUDA {one.release}" if series(one.release) != version else f"it lacks {', '.join(one.lacking)}"
