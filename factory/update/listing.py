"""What a package index lists of a project, and which of it is new."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.tags import Tag
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from factory.update.metadata import MACHINE

_PLAIN = re.compile(r"[\w.+-]+", re.ASCII)  # a name goes into Markdown
_ABI = re.compile(r"cp3(?P<minor>\d+)(?P<free>t?)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class IndexFile:
    """A file of an index. ``sha256`` and ``metadata_sha256`` (PEP 658) are None where the index does not say them."""

    name: str
    url: str
    sha256: str | None
    yanked: bool = False
    metadata_sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class TorchFile:
    """A wheel of torch for Linux on x86_64: ``python`` is ``3.14``, or ``3.14t`` for the free-threaded one."""

    version: Version
    python: str
    file: IndexFile


def sdists(files: Iterable[IndexFile], project: str) -> dict[Version, IndexFile]:
    """Return the source distributions of ``project`` that are neither yanked nor ahead of a release, by version."""
    named = ((_sdist(file, project), file) for file in files if not file.yanked)
    return {version: file for version, file in named if version and _final(version)}


def wheels(files: Iterable[IndexFile]) -> tuple[TorchFile, ...]:
    """Return the CPython wheels for Linux on x86_64 that are neither yanked nor ahead of a release."""
    read = (_wheel(file) for file in files if not file.yanked)
    return tuple(wheel for wheel in read if wheel and _final(wheel.version))


def news(published: Iterable[Version], known: Iterable[Version]) -> tuple[Version, ...]:
    """Return what is new among the versions ``published``: of each series, such as 2.8, the newest at most.

    A version is new that is newer than all known ones of its series; in a series of which none is known, one that
    is newer than all that are known. Older series that nobody wanted stay unmentioned.
    """
    known = tuple(known)
    newest = _newest(published)
    return tuple(version for series, version in sorted(newest.items()) if _new(series, version, known))


def series_of(version: Version) -> str:
    """Return ``2.16`` of ``2.16.0``."""
    return f"{version.major}.{version.minor}"


def in_order(series: Iterable[str]) -> list[str]:
    """Return versions such as ``2.10`` in order. Raises ``packaging``'s InvalidVersion for what is none."""
    return sorted(series, key=Version)


def _new(series: tuple[int, int], version: Version, known: tuple[Version, ...]) -> bool:
    same = [one for one in known if _series(one) == series]
    return all(version > one for one in same or known)


def _newest(published: Iterable[Version]) -> dict[tuple[int, int], Version]:
    newest: dict[tuple[int, int], Version] = {}
    for version in published:
        newest[_series(version)] = max(version, newest.get(_series(version), version))
    return newest


def _series(version: Version) -> tuple[int, int]:
    return version.major, version.minor


def _final(version: Version) -> bool:
    return not version.is_prerelease


def _sdist(file: IndexFile, project: str) -> Version | None:
    try:
        name, version = parse_sdist_filename(file.name)
    except InvalidSdistFilename:
        return None
    return version if name == project and _PLAIN.fullmatch(file.name) else None


def _wheel(file: IndexFile) -> TorchFile | None:
    try:
        _, version, _, tags = parse_wheel_filename(file.name)
    except InvalidWheelFilename:
        return None
    pythons = {python for tag in tags if (python := _python(tag))} if _PLAIN.fullmatch(file.name) else None
    return TorchFile(version=version, python=min(pythons), file=file) if pythons else None


def _python(tag: Tag) -> str | None:
    linux = tag.platform.startswith(("manylinux", "linux_")) and tag.platform.endswith(f"_{MACHINE}")
    found = _ABI.fullmatch(tag.abi) if linux and tag.abi.rstrip("t") == tag.interpreter else None
    return f"3.{found['minor']}{found['free']}" if found else None
