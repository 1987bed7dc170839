"""Published wheels, made from what their release holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import BaseModel, Field

from factory.index.published import Cuda, Gpu, GpuCodeName, Published
from factory.matrix import wheelname
from factory.wheel import releasebill
from factory.wheel.sidecars import METADATA, REPORT, VERDICT, YANKED


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


_OWN = "flash_attn_wheel_factory-"  # the factory itself, in releases of its own
_FLOOR = re.compile(r"(manylinux_\d+_\d+)_\w+")


def of_release(
    tag: str, assets: Iterable[Asset], known: Iterable[Published] = ()
) -> tuple[tuple[Published, ...], tuple[str, ...]]:
    """Return the wheels of one release, and of each wheel that is not listed why, a line each.

    A wheel is listed once its report is there, passed, and speaks of this very file; the factory's own is neither.
    ``known`` are wheels read before: where the assets still say the same, nothing is read again.
    """
    by_name = {asset.name: asset for asset in assets}
    before = {one.filename: one for one in known}
    bills = _bills(by_name, before)
    wheels, complaints = [], []
    for name in sorted(name for name in by_name if name.endswith(".whl") and not name.startswith(_OWN)):
        former = before.get(name)
        bill, attested = bills.get(name, (None, False))
        try:
            if former is not None and _unchanged(former, by_name):
                one = replace(former, url=by_name[name].url, tag=tag)
            else:
                one = _read(tag, by_name[name], by_name)
            wheels.append(replace(one, bill=bill, attested=attested))
        except ValueError as error:
            complaints.append(f"{name}: {'; '.join(str(error).splitlines())}")
    return tuple(wheels), tuple(complaints)


def _bills(assets: Mapping[str, Asset], known: Mapping[str, Published]) -> dict[str, tuple[str, bool]]:
    """Return by wheel which bill of materials tells of it, and whether it says that the wheel is attested.

    None is read where ``known`` has that of every wheel.
    """
    found = {name: (one.bill, one.attested) for name, one in known.items() if one.bill and one.bill in assets}
    if all(name in found for name in assets if name.endswith(".whl")):
        return found
    for name in sorted(filter(releasebill.NAME.fullmatch, assets)):
        found |= {wheel: (name, attested) for wheel, attested in releasebill.wheels(assets[name].read()).items()}
    return found


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
