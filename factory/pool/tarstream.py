"""A plain tar, read front to back with nothing in it believed.

``tarfile`` ends quietly at a damaged header, follows headers that make names of any length, and knows links;
here a tar is plain files up to its proper end or it is refused. Nothing is kept in memory.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Protocol

from factory.pool.archivename import BLOCK, END, stored

_CHUNK = 1 << 20


class Stream(Protocol):
    """What bytes are read from; it returns fewer than asked only where it ends."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes."""
        ...


class Content:
    """The content of the member that is being read, ``size`` bytes of it."""

    def __init__(self, stream: Stream, size: int) -> None:
        self.size = size
        self._stream = stream
        self._left = size

    def __iter__(self) -> Iterator[bytes]:
        """Return what was not read yet, in pieces. Raises EOFError where the tar ends too early."""
        while self._left:
            piece = exactly(self._stream, min(self._left, _CHUNK))
            self._left -= len(piece)
            yield piece


def members(stream: Stream, limit: int) -> Iterator[tuple[str, Content]]:
    """Yield the names and contents of a tar of at most ``limit`` bytes; a content is read before the next is asked for.

    Raises tarfile.TarError or ValueError for what is no such tar, EOFError for one that is cut short.
    """
    left = limit - END
    while any(header := exactly(stream, BLOCK)):
        member = tarfile.TarInfo.frombuf(header, "ascii", "replace")
        if member.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}:
            msg = f"{member.name[:200]!r} is not a plain file"
            raise ValueError(msg)
        left -= stored(member.size)
        if member.size < 0 or left < 0:
            msg = f"{member.name[:200]!r} makes it larger than {limit} bytes"
            raise ValueError(msg)
        content = Content(stream, member.size)
        yield member.name, content
        for _ in content:
            pass
        exactly(stream, -member.size % BLOCK)
    _end(stream)


def exactly(stream: Stream, size: int) -> bytes:
    """Return ``size`` bytes. Raises EOFError if there are fewer."""
    read = stream.read(size)
    if len(read) < size:
        msg = "it is cut short"
        raise EOFError(msg)
    return read


def _end(stream: Stream) -> None:
    """Read to the very end: only there does the compression compare its checksum."""
    rest = stream.read(END)
    if any(rest) or len(rest) > END - BLOCK:
        msg = "something follows its end"
        raise ValueError(msg)
