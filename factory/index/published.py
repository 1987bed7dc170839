"""A published wheel, and a list of them, ``wheels.json``, which the index serves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache as once
from functools import cached_property
from typing import Annotated, Literal

from packaging.version import Version
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from factory.index.served.flash_attn_wheel import SCHEMA, GpuRow, Row
from factory.matrix import wheelname
from factory.matrix.wheelname import WheelName
from factory.versions import python_key, version_key
from factory.wheel import torchpin

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Uploaded = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
GpuCodeName = Annotated[str, Field(pattern=r"^(sm|compute)_\d{2,3}[af]?$")]
Cuda = Annotated[str, Field(pattern=r"^\d+\.\d+$")]
Floor = Annotated[str, Field(pattern=r"^manylinux_\d+_\d+$")]


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """Whether a wheel passed the GPU test, and the ``name`` of the GPU it did on."""

    verdict: Literal["passed", "untested"]
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Published:
    """One wheel of the index.

    ``url`` is absolute, or relative to the index's root in a mirror; ``size`` is in bytes. ``cuda`` is the
    toolkit it was made with, ``12.4``; ``archs`` its GPU code, ``sm_90`` and ``compute_90``; ``floor`` the
    oldest platform it runs on, ``manylinux_2_28``; ``yanked`` why it was withdrawn; ``requires`` what its METADATA
    does; ``bill`` the name of the bill of materials in its release that tells of it, which may say that it is
    ``attested``. What nobody said is None.
    """

    filename: str
    url: Annotated[str, Field(min_length=1)]
    size: Annotated[int, Field(gt=0)]
    sha256: Sha256
    uploaded: Uploaded
    metadata_sha256: Sha256 | None
    requires_python: str | None
    yanked: str | None
    archs: tuple[GpuCodeName, ...]
    floor: Floor | None
    gpu: Gpu
    tag: str
    cuda: Cuda | None
    requires: tuple[str, ...] | None = None
    bill: str | None = None
    attested: bool = False

    @property
    def tied(self) -> bool:
        """Whether an installer learns from its METADATA which torch series it is for, and takes no other."""
        return _tied(self.requires or (), self.name.torch)

    @cached_property
    def name(self) -> WheelName:
        """What the file name says. Raises ValueError for a name that is not of the scheme."""
        return wheelname.parse(self.filename)

    @property
    def row(self) -> Row:
        """The row of ``wheels.json``, with what its name says spelt out. Raises ValueError as ``name`` does."""
        name = self.name
        return Row(
            filename=self.filename,
            flash_attn=name.version,
            cuda_major=name.cuda_major,
            cuda=self.cuda,
            torch=name.torch,
            python=name.python,
            cxx11abi=name.cxx11abi,
            profile=name.profile,
            platform=name.platform_tag,
            url=self.url,
            size=self.size,
            sha256=self.sha256,
            uploaded=self.uploaded,
            metadata_sha256=self.metadata_sha256,
            requires_python=self.requires_python,
            yanked=self.yanked,
            archs=list(self.archs),
            floor=self.floor,
            gpu=GpuRow(verdict=self.gpu.verdict, name=self.gpu.name),
            tag=self.tag,
            requires=None if self.requires is None else list(self.requires),
            bill=self.bill,
            attested=self.attested,
        )


class _Document(BaseModel):
    model_config = ConfigDict(strict=True)

    schema_number: Annotated[Literal[1], Field(alias="schema")]
    wheels: tuple[Published, ...]


LIST = "wheels.json"
"""The name of the list below the index's root."""

_DOCUMENT = TypeAdapter(_Document)


def to_json(published: Iterable[Published]) -> str:
    """Return ``wheels.json``: one wheel a line, the newest versions first, the same text for the same wheels."""
    rows = ",\n".join(json.dumps(one.row, ensure_ascii=False) for one in ordered(published))
    return f'{{"schema": {SCHEMA}, "wheels": [\n{rows}\n]}}\n'


def from_json(text: str | bytes) -> tuple[Published, ...]:
    """Return the wheels of a list that ``to_json`` wrote.

    Raises ValueError (pydantic's, with every complaint) for another schema or anything that is no such list.
    """
    wheels = _DOCUMENT.validate_json(text).wheels
    names = [one.name.filename for one in wheels]  # a name outside the scheme raises
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ValueError(f"listed more than once: {', '.join(twice)}")
    return wheels


def ordered(published: Iterable[Published]) -> list[Published]:
    """Return the wheels, the newest versions of flash-attn, torch, CUDA and Python first."""
    return sorted(published, key=_order, reverse=True)


@once
def _tied(requires: tuple[str, ...], torch: str) -> bool:
    return torchpin.pinned_to(requires, torch)


def _order(one: Published) -> tuple[object, ...]:
    name = one.name
    return (
        Version(name.version),
        version_key(name.torch),
        name.cuda_major,
        version_key(one.cuda or "0"),
        python_key(name.python),
        name.cxx11abi,
        one.filename,
    )
