"""Reads what an archive of kernels holds, member by member; nothing in it is believed."""

from __future__ import annotations

import math
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from factory.pool.archivename import LIMIT, Member
from factory.pool.store import Record, SetRecord
from factory.pool.tarstream import Content, members

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BROKEN = (zstd.ZstdError, EOFError, tarfile.TarError, ValueError)
"""What reading an archive to its end raises where its form is wrong."""

_LONGEST_JSON = 16_000_000  # bytes; the list of a set with a hundred thousand parts takes half of it
_HASH = re.compile(r"[0-9a-f]{64}")
_RECORD = TypeAdapter(Record)
_SET = TypeAdapter(SetRecord)
Parsed = TypeVar("Parsed")


class UnsoundError(Exception):
    """A record, or the list of a set, does not say what it must."""


def opened(archive: Path) -> Iterator[tuple[Member, Content]]:
    """Return the members of ``archive``, each to be read before the next. Raises one of ``BROKEN``."""
    with zstd.open(archive, "rb") as stream:
        for name, content in members(stream, LIMIT):
            yield Member.parse(name), content


def text(member: Member, content: Content) -> bytes:
    """Return the JSON of a record or a list. Raises ValueError where it is too long to be one."""
    if content.size > _LONGEST_JSON:
        msg = f"{member} has {content.size} bytes"
        raise ValueError(msg)
    return b"".join(content)


def record(text: bytes) -> Record:
    """Read the record of a part. Raises UnsoundError."""
    found = _parsed(_RECORD, text)
    figures = (found.passes, found.targets, found.size, found.cpu_seconds, found.wall_seconds, found.peak_bytes)
    if not _HASH.fullmatch(found.sha256) or not all(0 <= figure < math.inf for figure in figures):
        raise UnsoundError("its sha256 or one of its figures cannot be")
    return found


def listing(text: bytes) -> SetRecord:
    """Read the list of a set. Raises UnsoundError."""
    kernels = _parsed(_SET, text)
    keys = set(kernels.keys)
    if kernels.units < 1 or len(keys) != len(kernels.keys) or not all(map(_HASH.fullmatch, keys)):
        raise UnsoundError("its keys or its number of units cannot be")
    return kernels


def _parsed(kind: TypeAdapter[Parsed], text: bytes) -> Parsed:
    try:
        return kind.validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UnsoundError(f"{'.'.join(map(str, first['loc']))} {first['msg']}".strip()) from error
