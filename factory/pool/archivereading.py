"""Reads what an archive of kernels holds, member by member; nothing in it is believed."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from factory.pool.archivename import LIMIT, Member
from factory.pool.tarstream import Content, members

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BROKEN = (zstd.ZstdError, EOFError, tarfile.TarError, ValueError)
"""What reading an archive to its end raises where its form is wrong."""

_LONGEST_JSON = 16_000_000  # bytes; the list of a set with a hundred thousand parts takes half of it


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
