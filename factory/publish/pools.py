"""Kernel pools in releases: one release for the kernels of a flash-attn version, apart from its wheels.

Their archives are named by what went into them (``factory.pool.archivename``). They record what each compile took, so
made twice they are not the same bytes, though their kernels are. So of two archives of one name the first published
stays, and serves as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from factory.pool.archivename import file_names

REPRODUCED = ".reproduced.json"
"""Suffix of what ``nox -s reproduce`` said of a share of the archive in front of it."""

_ARCHIVE = re.compile(
    r"(?P<set>kernels-(?P<version>[0-9a-z.]+)-cu\d+-[0-9A-Za-z._+-]+?)(?:\.\d{1,4}of(?P<count>\d{1,4}))?\.tar\.zst"
)
_TOOLS = re.compile(r"-gcc(?P<compiler>[0-9.]+)-[0-9a-f]{12}")
_PART = re.compile(r"\.\d+parts-[0-9a-f]{8}$")


def pool_tag(version: str) -> str:
    """Return the tag of the release that holds the kernels of a flash-attn version: ``kernels-v2.7.4.post1``."""
    return f"kernels-v{version}"


def version_of(name: str) -> str:
    """Return the flash-attn version that an archive is for. Raises ValueError where its name is no archive's."""
    return _match(name)["version"]


def set_of(name: str) -> str:
    """Return the name of the set that an archive is, or is a part of. Raises ValueError as ``version_of`` does."""
    return _match(name)["set"]


def refusals(names: Collection[str]) -> tuple[str, ...]:
    """Return a line for each archive that must not be published: part of a set, or of a set of which a file is not
    given.
    """
    lines = []
    for name in sorted(names):
        try:
            match = _match(name)
        except ValueError as error:
            lines.append(str(error))
            continue
        if _PART.search(match["set"]):
            lines.append(f"{name}: holds only some of the set's kernels")
        absent = [other for other in file_names(match["set"], int(match["count"] or 1)) if other not in names]
        lines += [f"{name}: {other} belongs to it and is not given" for other in absent]
    return tuple(lines)


def archives(there: Collection[str], kernels: str) -> tuple[str, ...]:
    """Return the archives that hold the whole set ``kernels``, in order; none where one of them is not ``there``."""
    for count in sorted({int(match["count"] or 1) for match in map(_ARCHIVE.fullmatch, there) if match}):
        names = file_names(kernels, count)
        if all(name in there for name in names):
            return tuple(names)
    return ()


def compiler_of(kernels: str) -> str:
    """Return the version of the host compiler in a set's name: ``12.2.0``; empty where there is none."""
    found = _TOOLS.search(kernels)
    return found["compiler"] if found else ""


def rivals(there: Collection[str], kernels: str) -> tuple[str, ...]:
    """Return the sets that are for the same as ``kernels`` and were made with another compiler or toolkit."""
    named = (match["set"] for match in map(_ARCHIVE.fullmatch, there) if match)
    same = {name for name in named if _TOOLS.sub("", name) == _TOOLS.sub("", kernels)}
    return tuple(sorted(same - {kernels}))


def kin(there: Collection[str], kernels: str, marks: Collection[str]) -> tuple[str, ...]:
    """Return the rivals of ``kernels`` by the same release of a host compiler whose last part begins with a mark."""
    same = re.compile(rf"-gcc{re.escape(compiler_of(kernels))}-(?:{'|'.join(marks)})[0-9a-f]*$")
    return tuple(name for name in rivals(there, kernels) if marks and same.search(name))


def _match(name: str) -> re.Match[str]:
    match = _ARCHIVE.fullmatch(name)
    if match is None:
        msg = f"{name}: is not named like an archive of kernels"
        raise ValueError(msg)
    return match
