"""What the indexes of a CUDA serve beside flash-attn: what that requires and PyTorch's own indexes do not have.

PyTorch's indexes serve what torch requires likewise. With ours beside one of them, both are resolved whole.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from factory.data import DATA
from factory.errors import DigestError
from factory.system import packageindex
from factory.system.cache import made_once
from factory.system.files import sha256_of

HOME = "beside"
"""The directory below the index's root in which they lie."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A wheel of another ``project``: ``size`` in bytes, ``uploaded`` in UTC, as its index states them."""

    project: str
    filename: str
    sha256: str
    size: int
    uploaded: str
    requires_python: str

    @property
    def path(self) -> str:
        """Where it lies below the index's root."""
        return f"{HOME}/{self.filename}"


_TABLE = TypeAdapter(dict[str, tuple[Beside, ...]])


def known() -> tuple[Beside, ...]:
    """Return what ``factory/data/beside.toml`` has."""
    return _TABLE.validate_python(tomllib.loads((DATA / "beside.toml").read_text(encoding="utf-8")))["wheel"]


def fetch(one: Beside, *, cache: Path, env: Mapping[str, str]) -> bytes:
    """Return the content of ``one``, from ``cache`` or from the package index that pip or uv is configured for.

    Raises what ``packageindex.fetch`` raises, and DigestError where the file in the cache is another.
    """
    wanted = packageindex.File(
        project=one.project, name=one.filename, sha256=one.sha256, pinned="factory/data/beside.toml"
    )
    directory = cache / "beside" / one.sha256[:16]
    file = made_once(directory, lambda target: packageindex.fetch(wanted, target, env)) / one.filename
    if sha256_of(file) != one.sha256:
        raise DigestError(
            f"the cached {one.filename} is damaged",
            why=[f"wanted sha256 {one.sha256}", f"found  sha256 {sha256_of(file)}"],
            remedy=f"Remove {directory} and run the same command again.",
        )
    return file.read_bytes()
