"""The exact packages a CUDA toolkit is put together from, as ``data/toolkits.yaml`` lists them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from factory.platforms import usual
from factory.system import plainyaml


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        msg = "must be relative and must not contain '..'"
        raise ValueError(msg)
    return path


Relative = Annotated[str, AfterValidator(_inside)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Package(_Strict):
    """One file to fetch. ``size`` is in bytes, ``path`` is below the root of its source.

    ``take`` maps a file or directory of the unpacked package to its place in the toolkit.
    """

    source: Literal["debian", "index", "redist"]
    name: str
    version: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(gt=0)]
    path: Relative = ""
    take: Mapping[Relative, Relative]


class Recipe(_Strict):
    """One way to get one toolkit: ``title`` names its sources to a person."""

    version: str
    release: str
    title: str
    profile: str
    packages: Annotated[tuple[Package, ...], Field(min_length=1)]

    @property
    def digest(self) -> str:
        """A sha256, in hexadecimal, over everything that decides what the toolkit will hold."""
        text = json.dumps(self.model_dump(mode="json", exclude={"title"}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def directory(self) -> str:
        """The name of its directory: ``cuda-12.4-`` and the first 12 digits of the digest."""
        return f"cuda-{self.version}-{self.digest[:12]}"

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(package.size for package in self.packages)

    @property
    def added(self) -> Mapping[str, str]:
        """The text of files that no package has, by their places."""
        return {"bin/nvcc.profile": self.profile}


class RuntimeRecipe(Recipe):
    """The way to get the headers and the runtime library of one CUDA release, without its compiler."""

    @property
    def directory(self) -> str:
        """The name of its directory: ``runtime-12.8-`` and the first 12 digits of the digest."""
        return f"runtime-{self.version}-{self.digest[:12]}"

    @property
    def added(self) -> Mapping[str, str]:
        """The text of what answers in nvcc's place: setup.py and torch ask it for its release, and nothing else."""
        says = f"Cuda compilation tools, release {self.version}, V{self.release}"
        refuses = f"CUDA {self.version} is here without its compiler: another toolkit compiles the kernels"
        asked = f"case \"$*\" in -V|--version) echo '{says}'; exit ;; esac"
        return {"bin/nvcc": f"#!/bin/sh\n{asked}\necho '{refuses}' >&2\nexit 1\n"}


_Made = TypeVar("_Made", bound=Recipe)


class _Way(_Strict):
    title: str
    machine: str = usual()
    packages: tuple[Package, ...]


class _Entry(_Strict):
    release: str
    runtime: tuple[_Way, ...] = ()
    ways: Annotated[tuple[_Way, ...], Field(min_length=1)]


class _Document(_Strict):
    profile: str
    take: Mapping[str, Mapping[str, str]]
    toolkits: Mapping[str, _Entry]


def parse(text: str, machine: str) -> dict[str, tuple[Recipe, ...]]:
    """Return, for each CUDA version, the ways to get it on ``machine``, best first, out of ``toolkits.yaml``'s text.

    Raises pydantic's ValidationError with every complaint at once.
    """
    document = _document(text)
    return {
        version: tuple(
            _recipe(Recipe, version, entry, way, document.profile) for way in entry.ways if way.machine == machine
        )
        for version, entry in document.toolkits.items()
    }


def parse_runtimes(text: str, machine: str) -> dict[str, RuntimeRecipe]:
    """Return, for each CUDA version that has one, the way to get its runtime alone, out of the text of the same file.

    Raises as ``parse`` does.
    """
    document = _document(text)
    return {
        version: _recipe(RuntimeRecipe, version, entry, way, "")
        for version, entry in document.toolkits.items()
        for way in entry.runtime
        if way.machine == machine
    }


def _document(text: str) -> _Document:
    return _Document.model_validate(plainyaml.load(text))


def _recipe(kind: type[_Made], version: str, entry: _Entry, way: _Way, profile: str) -> _Made:
    return kind(version=version, release=entry.release, title=way.title, profile=profile, packages=way.packages)
