"""A published wheel, made from what its release holds; a list of them is ``wheels.json``, which the index serves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
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
from factory.wheel.sidecars import METADATA, REPORT, VERDICT, YANKED

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Uploaded = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
GpuCodeName = Annotated[str, Field(pattern=r"^(sm|compute)_\d{2,3}[af]?$")]
Cuda = Annotated[str, Field(pattern=r"^\d+\.\d+$")]
Floor = Annotated[str, Field(pattern=r"^manylinux_\d+_\d+$")]


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One file of a release: ``size`` in bytes, ``sha256`` as GitHub computed it, ``updated_at`` in UTC.

    ``read`` gives its content, and is called for small texts only.
    """

    name: str
    size: int
    sha256: str | None
    url: str
    updated_at: str
    read: Callable[[], bytes]


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
    does. What nobody said is None.
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
        )


class _Document(BaseModel):
    model_config = ConfigDict(strict=True)

    schema_number: Annotated[Literal[1], Field(alias="schema")]
    wheels: tuple[Published, ...]


class _Expected(BaseModel):
    cuda: Cuda | None = None


class _Extension(BaseModel):
    archs: tuple[GpuCodeName, ...]
    platform: str


class _Facts(BaseModel):
    requires_python: str | None
    requires: tuple[str, ...] = ()  # reports of a factory before it tied wheels to their torch lack it
    extensions: Annotated[tuple[_Extension, ...], Field(min_length=1)]
    expected: _Expected | None = None


class _Report(BaseModel):
    """What the index needs of an audit report, of this or any later schema."""

    ok: bool
    sha256: str
    facts: _Facts


class _Machine(BaseModel):
    gpu: str | None = None
    cuda: Cuda | None = None


class _Verdict(BaseModel):
    """What the index needs of a GPU test's verdict, of this or any later schema."""

    ok: bool
    sha256: str
    machine: _Machine


LIST = "wheels.json"
"""The name of the list below the index's root."""

_DOCUMENT = TypeAdapter(_Document)
_FLOOR = re.compile(r"(manylinux_\d+_\d+)_\w+")


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


def of_release(
    tag: str, assets: Iterable[Asset], known: Iterable[Published] = ()
) -> tuple[tuple[Published, ...], tuple[str, ...]]:
    """Return the wheels of one release, and of each wheel that is not listed why, a line each.

    A wheel is listed once its report is there, passed, and speaks of this very file. ``known`` are wheels read
    before: where the assets still say the same, nothing is read again.
    """
    by_name = {asset.name: asset for asset in assets}
    before = {one.filename: one for one in known}
    wheels, complaints = [], []
    for name in sorted(name for name in by_name if name.endswith(".whl")):
        former = before.get(name)
        if former is not None and _unchanged(former, by_name):
            wheels.append(replace(former, url=by_name[name].url, tag=tag))
            continue
        try:
            wheels.append(_read(tag, by_name[name], by_name))
        except ValueError as error:
            complaints.append(f"{name}: {'; '.join(str(error).splitlines())}")
    return tuple(wheels), tuple(complaints)


def _unchanged(former: Published, assets: Mapping[str, Asset]) -> bool:
    wheel = assets[former.filename]
    metadata = assets.get(former.filename + METADATA)
    return (
        wheel.sha256 == former.sha256
        and former.requires is not None
        and (metadata.sha256 if metadata else None) == former.metadata_sha256
        and (former.filename + VERDICT in assets) == (former.gpu.verdict == "passed")
        and (former.filename + YANKED in assets) == (former.yanked is not None)
    )


def _read(tag: str, wheel: Asset, assets: Mapping[str, Asset]) -> Published:
    """Put a wheel together with what lies beside it. Raises ValueError where that does not belong to it."""
    home = wheelname.release_tag(wheelname.parse(wheel.name).version)
    if tag != home:
        raise ValueError(f"it is in release {tag} and belongs in {home}")
    report = _report(wheel, assets)
    verdict = _verdict(wheel.name, report.sha256, assets)
    metadata, yanked = assets.get(wheel.name + METADATA), assets.get(wheel.name + YANKED)
    extension, expected = report.facts.extensions[0], report.facts.expected
    floor = _FLOOR.fullmatch(extension.platform)
    return Published(
        filename=wheel.name,
        url=wheel.url,
        size=wheel.size,
        sha256=report.sha256,
        uploaded=wheel.updated_at,
        metadata_sha256=metadata.sha256 if metadata else None,
        requires_python=report.facts.requires_python,
        yanked=yanked.read().decode("utf-8", "replace").strip() or "withdrawn" if yanked else None,
        archs=extension.archs,
        floor=floor[1] if floor else None,
        gpu=Gpu(verdict="passed", name=verdict.machine.gpu) if verdict else Gpu(verdict="untested"),
        tag=tag,
        cuda=(expected and expected.cuda) or (verdict and verdict.machine.cuda) or None,
        requires=report.facts.requires,
    )


@once
def _tied(requires: tuple[str, ...], torch: str) -> bool:
    return torchpin.pinned_to(requires, torch)


def _report(wheel: Asset, assets: Mapping[str, Asset]) -> _Report:
    beside = assets.get(wheel.name + REPORT)
    if beside is None:
        raise ValueError("its audit report is not there")
    report = _Report.model_validate_json(beside.read())
    if wheel.sha256 not in {None, report.sha256}:
        raise ValueError(f"its audit report is of another file, sha256 {report.sha256}")
    if not report.ok:
        raise ValueError("its audit found something")
    return report


def _verdict(wheel: str, sha256: str, assets: Mapping[str, Asset]) -> _Verdict | None:
    beside = assets.get(wheel + VERDICT)
    if beside is None:
        return None
    verdict = _Verdict.model_validate_json(beside.read())
    if verdict.sha256 != sha256:
        raise ValueError(f"its verdict is of another file, sha256 {verdict.sha256}")
    if not verdict.ok:
        raise ValueError("it did not pass the GPU test")
    return verdict


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
