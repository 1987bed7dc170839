"""Opens a wheel nobody vouches for: every member is read once, in pieces, and nothing is unpacked by its name."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path, PurePosixPath

from factory.data import DATA
from factory.errors import AuditError
from factory.matrix import wheelname
from factory.matrix.wheelname import WheelName
from factory.system import disk, zips
from factory.system.zips import ZipError
from factory.wheel import distinfo, elf, promise
from factory.wheel.facts import MODULE, DistInfo, Extension, Member, Rules, WheelFacts
from factory.wheel.promise import Promise

_SHARED = re.compile(r"\.so(?:\.[\d.]+)?$", re.ASCII)
_MAGIC = b"\x7fELF"


def rules() -> Rules:
    """Return what wheels are held to, as ``factory/data/audit.toml`` has it."""
    table = tomllib.loads((DATA / "audit.toml").read_text(encoding="utf-8"))
    libraries = table["libraries"]
    return Rules(
        **table["limits"],
        torch_libraries=tuple(libraries["torch"]),
        cudart=libraries["cudart"],
        system_libraries=tuple(libraries["system"]),
        later_versions=frozenset(libraries["later_versions"]),
        legacy_platforms=table["platforms"],
        stray_suffixes=tuple(table["files"]["stray_suffixes"]),
        foreign_roots=frozenset(table["files"]["foreign_roots"]),
        common_sources=tuple(table["files"]["common_sources"]),
        free_threaded=table["cautions"]["free_threaded"],
    )


def read(path: Path, limits: Rules, *, build_paths: Sequence[str]) -> WheelFacts:
    """Return the wheel at ``path`` taken apart; what of it cannot be read becomes a problem, not an exception.

    ``build_paths`` are looked for in every member. Raises AuditError when there is no such file.
    """
    size, sha256 = _identify(path)
    found = _Found(prefixes=tuple(filter(None, build_paths)), limits=limits)
    try:
        bounds = zips.Bounds(members=limits.members, unpacked_bytes=limits.unpacked_bytes)
        with zips.opened(path, bounds) as archive, tempfile.TemporaryDirectory() as scratch:
            found.take_all(archive, Path(scratch) / "member")
    except (ZipError, OSError) as error:
        found.problems.append(str(error))
    return WheelFacts(
        filename=path.name,
        name=_name(path.name),
        promise=_promise(path.name, limits),
        size=size,
        sha256=sha256,
        members=tuple(found.members),
        distinfo=found.distinfo(),
        extensions=tuple(found.extensions),
        traces=tuple(found.traces),
        problems=tuple(found.problems),
    )


def _identify(path: Path) -> tuple[int, str]:
    try:
        with path.open("rb") as stream:
            return path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise AuditError(
            f"{path} cannot be audited",
            why=[error.strerror or str(error)],
            remedy="Give the path of a finished wheel: nox -s audit -- dist/*.whl",
        ) from error


def _name(filename: str) -> WheelName | None:
    try:
        return wheelname.parse(filename)
    except ValueError:
        return None


def _promise(filename: str, limits: Rules) -> Promise | None:
    try:
        return promise.parse(filename, limits.legacy_platforms)
    except ValueError:
        return None


@dataclass(kw_only=True)
class _Found:
    """What has been read so far; it grows member by member. ``scratch`` holds one member at a time."""

    prefixes: tuple[str, ...]
    limits: Rules
    members: list[Member] = field(default_factory=list)
    extensions: list[Extension] = field(default_factory=list)
    traces: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    texts: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def take_all(self, archive: zipfile.ZipFile, scratch: Path) -> None:
        """Read every member."""
        for entry in archive.infolist():
            self._take(archive, entry, scratch)

    def _take(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, scratch: Path) -> None:
        digest = None
        try:
            digest = _copy(archive, entry, scratch)
            self._look(entry.orig_filename, scratch)
        except (OSError, ValueError) as error:
            self.problems.append(f"{entry.orig_filename!r} cannot be read: {error}")
        link = stat.S_ISLNK(entry.external_attr >> 16)
        self.members.append(Member(name=entry.orig_filename, size=entry.file_size, digest=digest, is_link=link))

    def _look(self, name: str, content: Path) -> None:
        """Keep of a member what the checks look at."""
        self.traces += [(name, prefix) for prefix in _traces(content, self.prefixes)]
        path = PurePosixPath(name)
        if path.parent.name.endswith(".dist-info") and path.name in distinfo.TEXTS:
            self._keep_text(path, content)
        if _SHARED.search(path.name) and (path.name.startswith(f"{MODULE}.") or _is_elf(content)):
            self.extensions.append(elf.read(content, name))

    def _keep_text(self, path: PurePosixPath, content: Path) -> None:
        length, most = content.stat().st_size, self.limits.text_bytes
        if length > most:
            raise ValueError(f"{length} bytes; at most {most} are read")
        self.texts.setdefault(str(path.parent), {})[path.name] = content.read_bytes()

    def distinfo(self) -> DistInfo | None:
        """Read the wheel's description, of which there must be one."""
        if len(self.texts) != 1:
            if not self.problems:
                self.problems.append(f"it has {len(self.texts)} described .dist-info directories; a wheel has one")
            return None
        directory, texts = next(iter(self.texts.items()))
        info, problems = distinfo.parse(directory, texts)
        self.problems += problems
        return info


def _is_elf(content: Path) -> bool:
    with content.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, to: Path) -> str:
    """Write a member to the file ``to`` and give its sha256 as RECORD spells it.

    It is never more than the directory of the zip declares, and that was held to the limit.
    """
    hasher = hashlib.sha256()
    with disk.emptied(to), to.open("wb") as sink:
        for piece in zips.pieces(archive, entry):
            hasher.update(piece)
            sink.write(piece)
    return base64.urlsafe_b64encode(hasher.digest()).rstrip(b"=").decode()


def _traces(content: Path, prefixes: Sequence[str]) -> list[str]:
    """Return those of ``prefixes`` that occur in the file."""
    if not prefixes or content.stat().st_size == 0:
        return []
    with content.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as whole:
        return [prefix for prefix in prefixes if whole.find(os.fsencode(prefix)) != -1]
