"""Finds a CUDA toolkit on this machine, or has one fetched into the cache; nothing needs root."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TypeVar

from factory.errors import DiskFullError, FactoryError, ToolkitError
from factory.platforms import own_machine, usual
from factory.system import disk
from factory.toolkit import check, debian, mended, redist, store, wheels
from factory.toolkit import pins as toolkit_pins
from factory.toolkit.headerfix import HeaderFix
from factory.toolkit.pins import Recipe, RuntimeRecipe
from factory.toolkit.source import Source
from factory.toolkit.store import Access, Inspect
from factory.toolkit.toolkit import NAMED, CudaRuntime, CudaToolkit, series

_Found = TypeVar("_Found", bound=CudaRuntime)


def pins() -> dict[str, tuple[Recipe, ...]]:
    """Return by CUDA version how a toolkit is put together on this machine, as ``data/toolkits.yaml`` has it."""
    return toolkit_pins.parse(_text(), own_machine())


def runtime_pins() -> dict[str, RuntimeRecipe]:
    """Return the ways to get the runtime of a CUDA alone, as ``pins`` does a whole toolkit."""
    return toolkit_pins.parse_runtimes(_text(), own_machine())


def _text() -> str:
    return resources.files("factory.data").joinpath("toolkits.yaml").read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class World:
    """Where ``find`` looks: the directory that installed toolkits stand in, the pins and who fetches them.

    ``fixes`` are those of headers.
    """

    local: Path = Path("/usr/local")
    recipes: Mapping[str, Sequence[Recipe]] = field(default_factory=pins)
    runtimes: Mapping[str, RuntimeRecipe] = field(default_factory=runtime_pins)
    sources: Mapping[str, Source] = field(
        default_factory=lambda: {
            "debian": debian.fetch,
            "index": wheels.fetch,
            "redist": redist.fetch,
        }
    )
    fixes: Sequence[HeaderFix] = field(default_factory=mended.fixes)


def find(
    version: str, env: Mapping[str, str], cache: Path, say: Callable[[str], None], world: World | None = None
) -> CudaToolkit:
    """Return a complete toolkit of CUDA ``version`` (``12.4``), its headers mended where NVIDIA mended later ones.

    Looked for in this order: ``CUDA_HOME`` and ``CUDA_PATH`` of ``env``, ``/usr/local/cuda-X.Y``,
    ``/usr/local/cuda``, the cache, the sources in the order of the pins. A toolkit of another version
    or an incomplete one is passed over, and ``say`` is told why in one line.

    Raises:
        ToolkitError: None of them has it; every reason is listed.
        DiskFullError: The cache's disk is full.
    """
    world = world or World()
    search = _Search(version, env, cache, say, world)
    return mended.mended(search.here() or search.fetched(), world.fixes, cache)


def runtime(
    version: str, env: Mapping[str, str], cache: Path, say: Callable[[str], None], world: World | None = None
) -> CudaRuntime:
    """Return what host code of CUDA ``version`` (``12.8``) is compiled and linked with, no kernel of which it compiles.

    That is a whole toolkit where one is here already; else its headers and libcudart alone are fetched, where the pins
    have them, which is far less.
    Raises what ``find`` raises.
    """
    world = world or World()
    search = _Search(version, env, cache, say, world)
    found = search.here()
    if found is None and (alone := search.alone()):
        return alone
    return mended.mended(found or search.fetched(), world.fixes, cache)


def here(
    version: str, env: Mapping[str, str], cache: Path, say: Callable[[str], None], world: World | None = None
) -> CudaToolkit | None:
    """Return what ``find`` gives where nothing need be fetched for it, else None.

    Raises ToolkitError where its headers are to be mended and the view that has them mended is not whole.
    """
    world = world or World()
    found = _Search(version, env, cache, say, world).here()
    return mended.mended(found, world.fixes, cache) if found else None


def places(version: str, env: Mapping[str, str], local: Path) -> Iterator[tuple[str, Path]]:
    """Return what names an installed toolkit of ``version`` and where that may be, each directory once.

    One that nobody named and that is of another version is not worth a word.
    """
    named = {origin: _real(env[origin]) for origin in NAMED if env.get(origin)}
    usual = {str(path): _real(path) for path in (local / f"cuda-{version}", local / "cuda")}
    ours = {o: home for o, home in usual.items() if series(check.release_of(home) or "") == version}
    origins = {home: origin for origin, home in reversed([*named.items(), *ours.items()])}
    return ((origin, home) for home, origin in reversed(origins.items()))


def _real(path: str | Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve() raises where links lead in a circle


class _Search:
    def __init__(
        self, version: str, env: Mapping[str, str], cache: Path, say: Callable[[str], None], world: World
    ) -> None:
        self.version, self.env, self.cache, self.say, self.world = version, env, cache, say, world
        self.recipes = world.recipes.get(version, ())
        self.reasons: list[str] = []

    def here(self) -> CudaToolkit | None:
        return self.installed() or self.cached()

    def installed(self) -> CudaToolkit | None:
        memory = store.memory(self.cache)
        for origin, home in places(self.version, self.env, self.world.local):
            try:
                return check.inspect(home, self.version, origin=origin, memory=memory)
            except ToolkitError as error:
                self.refuse("not used: ", error)
        return None

    def cached(self) -> CudaToolkit | None:
        for recipe in self.recipes:
            try:
                if found := store.stored(recipe, self.cache, check.inspect):
                    return found
            except ToolkitError as error:
                self.refuse("not used: ", error)
        return None

    def fetched(self) -> CudaToolkit:
        for recipe in self.recipes:
            try:
                return self.make(recipe, check.inspect)
            except DiskFullError:
                raise
            except FactoryError as error:
                self.refuse(f"not from {recipe.title}: ", error)
        if not self.recipes:
            machine = "" if own_machine() == usual() else f" for {own_machine()}"
            self.reasons.append(f"no packages of CUDA {self.version}{machine} are listed in factory/data/toolkits.yaml")
        raise ToolkitError(
            f"no complete CUDA {self.version} toolkit is on this machine or could be fetched",
            why=self.reasons,
            remedy=(
                f"Install CUDA {self.version}, type: export CUDA_HOME=/usr/local/cuda-{self.version} "
                "(where it is), then the same command again."
            ),
        )

    def alone(self) -> CudaRuntime | None:
        """Return the runtime without its compiler, fetched if need be; None where that cannot be."""
        recipe = self.world.runtimes.get(self.version)
        if recipe is None:
            return None
        try:
            return self.make(recipe, check.inspect_runtime)
        except DiskFullError:
            raise
        except FactoryError as error:
            self.refuse(f"not from {recipe.title}: ", error)
            return None

    def make(self, recipe: Recipe, inspect: Inspect[_Found]) -> _Found:
        access = Access(sources=self.world.sources, env=self.env, say=self.say)
        try:
            return store.make(recipe, self.cache, inspect, access)
        except OSError as error:
            if error.errno not in disk.FULL:
                raise ToolkitError(f"{error.filename or self.cache}: {error.strerror}") from error
            needed = recipe.size * 5 // 10**6  # the packages, their trees, and the installer's own copy
            raise DiskFullError(
                f"the disk that holds {self.cache} is full",
                why=(f"putting CUDA {recipe.version} together needs about {needed} MB there",),
                remedy="Free space there, or choose another cache directory.",
            ) from error

    def refuse(self, prefix: str, error: FactoryError) -> None:
        self.reasons.append(prefix + "; ".join([error.what, *error.why]))
        self.say(self.reasons[-1])
