"""Reads zip files nobody vouches for: no more of them than was agreed, and nothing outside of where they go.

``zipfile`` reads the whole list of members first, whatever its size, and unpacks bzip2 and LZMA in one piece: a
few kB of those take gigabytes of memory. Wheels use neither.
"""

from __future__ import annotations

import contextlib
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from factory.system import disk
from factory.system.paths import below

_PIECE = 1 << 20
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_TAIL = 65_557  # bytes; the record at the end and the longest comment behind it
_END = struct.Struct("<4s8xI6x")  # signature, size of the list of members; comment apart
_LOCATOR64 = b"PK\6\7"  # may stand in front of it, 20 bytes long, and before that the same for large files:
_END64 = struct.Struct("<4s36xQ8x")
_ENTRY = 512  # bytes that one member takes in the list at most, as far as we read it
# Ours: a real wheel unpacks to two or three times its size, zeros to a thousand times.
_EXPANSION = 100
_SMALL = 64_000_000  # bytes
# What zipfile and zlib raise on archives that are cut, altered, encrypted or of unknown methods, besides ValueError.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
    OverflowError,
    IndexError,
    KeyError,
    UnicodeError,
)


class ZipError(ValueError):
    """The file is no zip file that is read here; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How many members are read, and how many bytes they may claim together."""

    members: int = 10_000
    unpacked_bytes: int = 17_179_869_184


WHEEL = Bounds()


@contextlib.contextmanager
def opened(file: Path | IO[bytes], bounds: Bounds = WHEEL) -> Iterator[zipfile.ZipFile]:
    """Yield a zip file within ``bounds``. Raises ZipError, or OSError where it cannot be read."""
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
        with _understood("it is not a whole zip file: "):
            _hold_list(stream, bounds)
            archive = stack.enter_context(zipfile.ZipFile(stream))
        entries = archive.infolist()
        claimed = sum(entry.file_size for entry in entries)
        most = min(bounds.unpacked_bytes, max(_SMALL, _EXPANSION * stream.seek(0, os.SEEK_END)))
        if len(entries) > bounds.members or claimed > most:
            raise ZipError(
                f"it claims {len(entries)} file{'' if len(entries) == 1 else 's'} of {claimed} bytes together; "
                f"at most {bounds.members} files of {most} bytes are read"
            )
        yield archive


def pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the content of a member, never more than it claims. Raises ZipError, or OSError."""
    if entry.compress_type not in _METHODS:
        raise ZipError(f"{entry.orig_filename!r} is packed by method {entry.compress_type}, which wheels do not use")
    with _understood(), archive.open(entry) as stream:
        while piece := stream.read(_PIECE):
            yield piece


def content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """Return the content of a member of at most ``most`` bytes. Raises ZipError, or OSError."""
    if entry.file_size > most:
        raise ZipError(f"{entry.orig_filename!r} has {entry.file_size} bytes; at most {most} are read")
    return b"".join(pieces(archive, entry))


def unpack(file: Path, into: Path, only: Collection[str] | None = None) -> None:
    """Write the members, or ``only`` those, below ``into``.

    Raises ZipError where one is damaged, leads elsewhere or is not there, DiskFullError, or OSError.
    """
    with opened(file) as archive:
        names = {entry.filename for entry in archive.infolist()}
        if only is not None and not names.issuperset(only):
            raise ZipError(f"it does not have {', '.join(sorted(set(only) - names))}")
        for entry in archive.infolist():
            if entry.is_dir() or (only is not None and entry.filename not in only):
                continue
            try:
                target = below(into, entry.filename)
            except ValueError as error:
                raise ZipError(str(error)) from error
            target.parent.mkdir(parents=True, exist_ok=True)
            with disk.emptied(target), target.open("wb") as sink:
                sink.writelines(pieces(archive, entry))


def _hold_list(stream: IO[bytes], bounds: Bounds) -> None:
    """Refuse a list of members that is longer than is read."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _TAIL))
    tail = stream.read(_TAIL)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise ZipError("it is not a whole zip file: its end is not there")
    listed = _END.unpack_from(tail, at)[1]
    if tail[max(0, at - 20) : at].startswith(_LOCATOR64):  # zipfile takes what stands in front of that
        before = max(0, at - 20 - _END64.size)
        listed = max(listed % 0xFFFFFFFF, _END64.unpack_from(tail, before)[1])
    if listed > bounds.members * _ENTRY:
        raise ZipError(f"its list of members has {listed} bytes; at most {bounds.members * _ENTRY} are read")
    stream.seek(0)


@contextlib.contextmanager
def _understood(what: str = "") -> Iterator[None]:
    try:
        yield
    except ZipError:
        raise
    except (*_DAMAGED, ValueError) as error:
        raise ZipError(f"{what}{type(error).__name__} {error}") from error
