"""Checks of what lies in the zip."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from factory.wheel.distinfo import TEXTS
from factory.wheel.facts import SBOM, CheckInput, RecordRow

# RECORD cannot hold its own hash, nor that of its signatures (the wheel specification, "The .dist-info directory").
_UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")
_CUTE = "flash-attn"  # the project that packs the stale copy; flash-attn-4's is its own
_SECOND = re.compile(r"lib(?:torch|c10)(?:_\w+)?[.-]")  # torch's, of which no process bears two
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f]|^/|^[A-Za-z]:|(?:^|/)\.\.(?:/|$)")


def readable(given: CheckInput) -> Iterator[str]:
    """The file must be a whole wheel that can be read to its end."""
    yield from given.facts.problems


def size(given: CheckInput) -> Iterator[str]:
    """The file must be smaller than GitHub's limit for a release asset."""
    if given.facts.size >= given.rules.asset_bytes:
        yield f"{given.facts.size} bytes; the limit is {given.rules.asset_bytes}"


def members(given: CheckInput) -> Iterator[str]:
    """Every path in the zip must be unique, relative and stay below the install directory."""
    counted = Counter(member.name for member in given.facts.members)
    yield from (f"{name!r} is there {count} times" for name, count in counted.items() if count > 1)
    yield from (f"{name!r} is not a safe path" for name in counted if _UNSAFE.search(name))
    yield from (f"{member.name!r} is a link" for member in given.facts.members if member.is_link)


def record(given: CheckInput) -> Iterator[str]:
    """RECORD must list every file of the wheel once, with its right sha256 and size, and no other."""
    info = given.facts.distinfo
    if info is None or info.record is None:
        return
    files = {member.name: member for member in given.facts.members if not member.is_directory}
    rows = {row.path: row for row in info.record}
    unhashed = {f"{info.directory}/{name}" for name in _UNHASHED}
    for path, count in Counter(row.path for row in info.record).items():
        if count > 1:
            yield f"{path} is listed {count} times"
    yield from (f"{path} is not listed" for path in sorted(files.keys() - rows.keys() - unhashed))
    yield from (f"{path} is listed but not there" for path in sorted(rows.keys() - files.keys()))
    for path in sorted((rows.keys() & files.keys()) - unhashed):
        if files[path].digest is not None:
            yield from _row(rows[path], f"sha256={files[path].digest}", str(files[path].size))


def _row(row: RecordRow, digest: str, length: str) -> Iterator[str]:
    if row.digest != digest:
        yield f"{row.path} has {digest}, listed is {row.digest or 'no hash'}"
    if row.size != length:
        yield f"{row.path} has {length} bytes, listed are {row.size or 'none'}"


def bundled(given: CheckInput) -> Iterator[str]:
    """No shared library may be packed: a second torch or CUDA runtime in one process crashes it."""
    packed = (member.name for member in given.facts.members if member.is_library)
    yield from (name for name in packed if given.expected is not None or _SECOND.match(PurePosixPath(name).name))


def cute(given: CheckInput) -> Iterator[str]:
    """flash_attn/cute must not be packed: the stale copy of 2.8 breaks an installed flash-attn-4."""
    info = given.facts.distinfo
    if info is not None and canonicalize_name(info.name or _CUTE) != _CUTE:
        return
    yield from (member.name for member in given.facts.members if member.name.startswith("flash_attn/cute/"))


def stray(given: CheckInput) -> Iterator[str]:
    """No sources, objects or byte code may be packed."""
    suffixes = given.rules.stray_suffixes if given.expected is not None else ()
    yield from (m.name for m in given.facts.members if PurePosixPath(m.name).suffix in suffixes)


def installed(given: CheckInput) -> Iterator[str]:
    """A wheel built here must hold what upstream's sdist installs, byte for byte, the extension, a bill of materials,
    and nothing else.
    """
    expected, info = given.expected, given.facts.distinfo
    if expected is None or expected.installed is None or info is None:
        return
    own = {f"{info.directory}/{name}" for name in (*TEXTS, "top_level.txt", SBOM)}
    places = ("", "licenses/")  # where setuptools puts them before and since its 77
    licences = {
        f"{info.directory}/{place}{name}": digest
        for name, digest in expected.installed.items()
        for place in places
        if "/" not in name
    }
    wanted = {path: digest for path, digest in expected.installed.items() if "/" in path}
    there = {member.name: member for member in given.facts.members if not member.is_directory and not member.is_module}
    materials = f"{info.directory}/{SBOM}"
    yield from (f"{path} is not there" for path in sorted({materials, *wanted} - there.keys()))
    yield from (f"{path} is not upstream's" for path in sorted(there.keys() - wanted.keys() - licences.keys() - own))
    for path, digest in sorted((wanted | licences).items()):
        if path in there and there[path].digest not in {None, spelt(digest)}:
            yield f"{path} is not as upstream's sdist has it"


def spelt(sha256: str) -> str:
    """Return a sha256 in hexadecimal digits as RECORD spells it."""
    return urlsafe_b64encode(bytes.fromhex(sha256)).rstrip(b"=").decode()


def intruders(given: CheckInput) -> Iterator[str]:
    """Nothing may be packed that runs unasked, or goes where other projects' files are."""
    promise = given.promise
    roots = given.rules.foreign_roots - ({promise.project.replace("-", "_")} if promise else set())
    for name in sorted({member.name for member in given.facts.members}):
        root = name.split("/", maxsplit=1)[0]
        placed = root.endswith(".data") and given.is_flash_attn
        if placed or name.endswith(".pth") or PurePosixPath(root).stem in roots:
            yield name


def build_path(given: CheckInput) -> Iterator[str]:
    """No file may name a path of the machine that built it."""
    yield from (f"{member} holds {prefix}" for member, prefix in given.facts.traces)
    if given.expected is None or not given.expected.built_here:
        return
    for extension in given.facts.extensions:
        for source in extension.sources:
            if not source.startswith(given.rules.common_sources):
                yield f"{extension.path} holds {source}"
