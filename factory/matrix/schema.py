"""The keys of ``matrix.yaml`` and what each holds; editors complete from the JSON schema made of them."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from factory.matrix.model import Representative
from factory.matrix.types import (
    Abi,
    Architecture,
    ArchsOrDefault,
    Compression,
    Count,
    CxxStandard,
    Digest,
    FrontEndKey,
    ImageText,
    Index,
    InnerPath,
    Machine,
    Name,
    OneOrSeveral,
    PythonSeries,
    Release,
    Series,
    Several,
    Sha256,
    Specifier,
    Switch,
    Target,
    Text,
)


class Row(BaseModel):
    """A mapping with a fixed set of keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RunnersRow(Row):
    """Labels of the machines the workflows run on."""

    build: Several[Text] = Field(description="where kernels are compiled and wheels are built")
    machines: dict[Machine, Several[Text]] = Field(
        default={}, description="where wheels for other machines than the first are built, of kernels from build"
    )
    gpu: list[Text] = Field(description="empty: wheels are not tested on a GPU there")


class GpuTestRow(Row):
    """Which wheels are tried on a GPU: one of each flash-attn, CUDA, torch and ABI at least."""

    python: Representative = Field(description="of which Python; wheels of the others are only imported")


class PublishRow(Row):
    """What may be put into releases."""

    profiles: Several[Name] = Field(description="wheels of any but full have its name in theirs")


class WheelsRow(Row):
    """What is built for a torch without being asked for by name."""

    flash_attn: Several[Release] = Field(description="releases of flash-attn")
    cuda: Annotated[dict[Series, Abi], Field(min_length=1)] = Field(description="CUDA release: C++11 ABI")
    python: Several[PythonSeries] = Field(description="Pythons that torch has wheels for; 3.14t is free-threaded")


class SkipRow(Row):
    """Cells that are never built; an axis left out means all of it."""

    flash_attn: OneOrSeveral[Release] = Field(default_factory=list, description="releases of flash-attn")
    cuda: OneOrSeveral[Series] = Field(default_factory=list, description="CUDA releases")
    torch: OneOrSeveral[Series] = Field(default_factory=list, description="torch series")
    python: OneOrSeveral[PythonSeries] = Field(default_factory=list, description="Pythons")
    abi: OneOrSeveral[Abi] = Field(default_factory=list, description="whether with the C++11 ABI")
    platform: OneOrSeveral[Machine] = Field(default_factory=list, description="machines")
    reason: Text = Field(description="what plan answers")


class FlashAttnRow(Row):
    """A flash-attn release."""

    sha256: Sha256 = Field(description="of its sdist, flash_attn-VERSION.tar.gz")
    torch: Several[Series] = Field(description="the series it can be built for")
    leave_out: list[InnerPath] = Field(default=[], description="paths of the source that must not be packed")


class PythonRow(Row):
    """The first and the last torch series that has wheels for this Python."""

    first_torch: Series = Field(description="the first torch series that has a wheel for it")
    last_torch: Series = Field(description="the last torch series that has a wheel for it")
    cibuildwheel: Release = Field(description="the release that builds for it in a container")
    caution: Text | None = Field(default=None, description="said wherever a wheel for it is planned or chosen")


class BuildRow(Row):
    """One official build of a torch."""

    abi: Abi = Field(description="whether it has the C++11 ABI")
    index: Index = Field(description="default, or the https:// address of the index that serves it")
    platform: OneOrSeveral[Machine] = Field(
        default=[], description="machines it was published for; left out: the first under platform"
    )


class TorchRow(Row):
    """A torch series."""

    release: Release = Field(description="the exact release built against")
    cxx_standard: CxxStandard = Field(description="the oldest C++ that its headers take")
    setuptools: Specifier = Field(description="which setuptools wheels for it are built with")
    builds: Annotated[dict[Series, BuildRow], Field(min_length=1)] = Field(description="by CUDA release")


class ImageRow(Row):
    """A container image."""

    name: ImageText = Field(description="registry, repository and tag")
    digest: Digest | None = Field(description="null: not pinned")
    manylinux: Series = Field(description="the glibc that wheels built in it need at most")


class CompressionSinceRow(Row):
    """Which fatbinary compresses machine code, and which driver reads that."""

    cuda: Series = Field(description="the first CUDA release")
    driver: Count = Field(description="the first driver branch")


class CudaRow(Row):
    """A CUDA release."""

    targets: Several[Target] = Field(description="what its compiler makes")
    newest_gcc: Count = Field(description="major of the newest host compiler that it takes")
    minimum_driver: Count = Field(description="the first driver branch that runs what its CUDA major makes")
    compression: Compression | None = Field(default=None, description="left out, machine code is not compressed")
    archs: Several[Architecture] = Field(description="what wheels hold, unless the top-level archs says otherwise")
    kernels: OneOrSeveral[Series] = Field(
        default=[],
        description="the CUDA that compiles the kernels, of several the first that makes all archs; left out: this",
    )
    front_end: dict[FrontEndKey, Several[Target]] = Field(description="targets one front-end pass serves")
    image: ImageRow | None = Field(description="what wheels for it are built in; null: there is none")
    images: dict[Machine, ImageRow] = Field(default={}, description="those for other machines than the first")


class PlatformRow(Row):
    """A machine that wheels are for."""

    archs: list[Architecture] = Field(description="beside the list of a CUDA, where that makes them")
    note: Text | None = Field(default=None, description="why a torch or a CUDA may have no build for it here")


class ProfileRow(Row):
    """Parts of flash-attn that are left out."""

    disable: list[Switch] = Field(description="upstream's FLASHATTENTION_DISABLE_ switches that it sets")
    summary: Text = Field(description="what it is, for people")


class MatrixFile(Row):
    """matrix.yaml of the flash-attn wheel factory."""

    archs: ArchsOrDefault = Field(description="default: each CUDA's own list; or one list for all of them")
    max_jobs: Count = Field(description="the most compiles to run at once; the variable MAX_JOBS goes before it")
    runners: RunnersRow
    gpu_test: GpuTestRow
    publish: PublishRow
    unpinned_images: Text | None = Field(
        default=None, description="why workflows may build in images without a digest; left out, they refuse them"
    )
    machines: Several[Machine] = Field(description="those whose wheels are built without being asked for by name")
    wheels: dict[Series, WheelsRow] = Field(description="by torch series")
    skip: list[SkipRow] = Field(description="cells that are never built, not even when named")
    oldest_arch: Target = Field(description="the oldest compute capability that flash-attn is written for")
    abi_true_since: Series = Field(description="the torch series from which on every build has the C++11 ABI")
    compression_since: CompressionSinceRow
    flash_attn: dict[Release, FlashAttnRow] = Field(description="by release")
    python: dict[PythonSeries, PythonRow] = Field(description="by Python, 3.14t being the free-threaded 3.14")
    torch: dict[Series, TorchRow] = Field(description="by series")
    cuda: dict[Series, CudaRow] = Field(description="by release")
    platform: dict[Machine, PlatformRow] = Field(description="by machine, as uname -m says it")
    profiles: dict[Name, ProfileRow] = Field(description="by name")


def json_schema() -> str:
    """Return the text of ``factory/data/matrix.schema.json``."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **MatrixFile.model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"
