"""What the things that a run makes take on disks, by measured sizes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache as once
from typing import Any

from factory.data import DATA
from factory.plan.room import DIST, Want
from factory.versions import numbers


@dataclass(frozen=True, kw_only=True)
class TorchSize:
    """Bytes of an environment: what each Python has of its ``own``, the ``libraries`` that are the same for all, and
    the wheels that are fetched for it.
    """

    own: int
    libraries: int
    wheels: int


@dataclass(frozen=True, kw_only=True)
class KernelSize:
    """Bytes of a unit's host code, of its PTX in each front-end pass and of its machine code for each target in the
    pool; of a compile while it runs; of a finished wheel for each target.
    """

    host: int
    ptx: int
    code: int
    compiling: int
    wheel: int

    def unit(self, kernels: Kernels) -> int:
        """Return the bytes of a unit's parts."""
        return self.host + kernels.passes * self.ptx + kernels.targets * self.code


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A torch release built with a CUDA release, and the Pythons it is to be installed for."""

    torch: str
    cuda: str
    pythons: tuple[str, ...]
    begun: bool = False
    """Whether an environment of another Python is there already."""


@dataclass(frozen=True, kw_only=True)
class Linked:
    """A torch release for another ``machine``, that wheels for one Python are linked with."""

    torch: str
    machine: str
    python: str


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """A kernel set: its ``name``, the front-end passes and targets of a unit, how many ``units`` are to be compiled
    at most (None where the source is not here to count them), the ``share`` of them that is lacking, how many
    wheels are made of it, and whether their machine code is ``compressed``.
    """

    name: str
    profile: str
    passes: int
    targets: int
    units: int | None
    share: float
    wheels: int
    compressed: bool


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where a run puts things.

    ``linked``: an installer's own cache is on the same disk, so that libraries lie there once for all Pythons.
    ``beside``: what it fetches lies on that disk for a while. ``pip`` are the bytes that pip keeps for containers.
    """

    linked: bool
    beside: bool
    pip: int


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The table of sizes: ``torch`` by CUDA release, ``kernels`` by profile; bytes but for factors and ``units``.

    ``target`` is a torch for another machine with CUDA's runtime, ``target_wheels`` what is fetched for it.
    ``compressed_code`` and ``compressed_wheel`` are what is left of each byte of machine code and of a wheel.
    """

    torch: Mapping[str, TorchSize]
    kernels: Mapping[str, KernelSize]
    toolkit_kept: int
    toolkit_passing: int
    source: int
    units: int
    target: int
    target_wheels: int
    work_factor: int
    compressed_code: float
    compressed_wheel: float

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Sizes:
        """Return the table that the parsed ``sizes.toml`` holds. Raises KeyError where it lacks one of its keys."""
        return cls(
            torch={cuda: TorchSize(**row) for cuda, row in table["torch"].items()},
            kernels={name: KernelSize(**row) for name, row in table["kernels"].items()},
            toolkit_kept=table["toolkit"]["kept"],
            toolkit_passing=table["toolkit"]["passing"],
            source=table["source"],
            units=table["units"],
            target=table["target"]["kept"],
            target_wheels=table["target"]["wheels"],
            work_factor=table["work_factor"],
            compressed_code=table["compressed"]["code"],
            compressed_wheel=table["compressed"]["wheel"],
        )

    def of_torch(self, cuda: str) -> TorchSize:
        """Return the row of the newest release that is not newer than ``cuda``, of the oldest where all are."""
        rows = sorted(self.torch, key=numbers)
        older = [name for name in rows if numbers(name) <= numbers(cuda)]
        return self.torch[older[-1] if older else rows[0]]

    def of_profile(self, name: str) -> KernelSize:
        """Return the row of a profile; an unknown one counts as the full one."""
        return self.kernels.get(name) or self.kernels["full"]

    def toolkits(self, fetched: Mapping[str, int]) -> Iterator[Want]:
        """Yield what toolkits take that are ``fetched``: bytes to download by CUDA release."""
        for cuda, size in fetched.items():
            kept, passing = size * self.toolkit_kept, size * self.toolkit_passing
            yield Want(what=f"the CUDA {cuda} toolkit", place="toolkits", kept=kept, passing=passing)

    def environments(self, wanted: Iterable[Environment], ground: Ground) -> Iterator[Want]:
        """Yield what torch takes that is installed on the machine itself."""
        for one in wanted:
            size = self.of_torch(one.cuda)
            libraries = (0 if one.begun else 1) if ground.linked else len(one.pythons)
            yield Want(
                what=f"torch {one.torch} for CUDA {one.cuda}, Python {' '.join(one.pythons)}",
                place="environments",
                kept=len(one.pythons) * size.own + libraries * size.libraries,
                passing=size.wheels if ground.beside else 0,
            )

    def targets(self, wanted: Iterable[Linked], ground: Ground) -> Iterator[Want]:
        """Yield what torch takes that wheels for another machine are linked with."""
        for one in wanted:
            yield Want(
                what=f"torch {one.torch} for {one.machine}, Python {one.python}",
                place="targets",
                kept=self.target,
                passing=self.target_wheels if ground.beside else 0,
            )

    def packages(self, wanted: Iterable[Environment], ground: Ground) -> Iterator[Want]:
        """Yield what torch takes that is installed in containers: its wheels, once each, less what is there."""
        fetched = sum(self.of_torch(one.cuda).wheels for one in wanted) - ground.pip
        if fetched > 0:
            yield Want(what="wheels of torch for containers", place="pip", kept=fetched)

    def sources(self, releases: Iterable[str]) -> Iterator[Want]:
        """Yield what the source of flash-attn's ``releases`` takes, which are not here."""
        for release in releases:
            yield Want(what=f"the source of flash-attn {release}", place="sources", kept=self.source)

    def sets(self, wanted: Iterable[Kernels], *, jobs: int) -> Iterator[Want]:
        """Yield what kernels take in the pool where ``jobs`` compile at once."""
        for one in wanted:
            size, units = self.of_profile(one.profile), (one.units or self.units) * one.share
            if units:
                yield Want(
                    what=f"kernels {one.name}",
                    place="pool",
                    kept=round(units * size.unit(one)),
                    passing=round(min(jobs, units) * size.compiling),
                )

    def wheels(self, wanted: Iterable[Kernels], *, contained: bool) -> Iterator[Want]:
        """Yield what wheels take, and the directory one after another is made in."""
        wanted = [one for one in wanted if one.wheels]
        if wanted:
            yield Want(
                what="making a wheel", place="work", kept=0, passing=max(self._work(one, contained) for one in wanted)
            )
            count = sum(one.wheels for one in wanted)
            kept = sum(one.wheels * self._wheel(one) for one in wanted)
            yield Want(what=f"{count} wheel{'s' * (count > 1)}", place=DIST, kept=kept)

    def _wheel(self, kernels: Kernels) -> int:
        left = self.compressed_wheel if kernels.compressed else 1
        return round(max(1, kernels.targets) * self.of_profile(kernels.profile).wheel * left)

    def _work(self, kernels: Kernels, contained: bool) -> int:  # noqa: FBT001 - private, and of one meaning
        if contained:
            return self.source + self._wheel(kernels)
        size = self.of_profile(kernels.profile)
        left = self.compressed_code if kernels.compressed else 1
        objects = (kernels.units or self.units) * (size.host + kernels.targets * size.code * left)
        return self.source + round(self.work_factor * objects)


@once
def table() -> Sizes:
    """Return the table of ``sizes.toml``, which travels with the program."""
    return Sizes.read(tomllib.loads((DATA / "sizes.toml").read_text(encoding="utf-8")))
