"""Fetches one file over HTTP: resumed where it broke off, taken only with the right sha256."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

from factory.errors import DigestError, UnreachableError
from factory.system import disk, transfers
from factory.system.answer import Answer, RefusedError
from factory.system.files import sha256_of
from factory.system.retry import Pace, RetryPolicy, TooSlowError, TroubleError

_CHUNK = 1 << 20
# Ours: a tenth of what a line of 1 Mbit/s carries. No line that is of use is given up; what trickles for ever is.
SLOWEST = 10_000.0  # bytes a second
PACE = RetryPolicy(slowest=SLOWEST)
_FILES = RetryPolicy(tries=3, most_asked=120.0, slowest=SLOWEST)
_LISTS = RetryPolicy(tries=3, first=0.5, most_asked=120.0, slowest=SLOWEST)


def fetch(
    url: str,
    sha256: str,
    target: Path,
    *,
    timeout: float = 10.0,
    policy: RetryPolicy = _FILES,
) -> None:
    """Put the file at ``url`` to ``target``, unless a file of that sha256 is there already.

    ``timeout`` is in seconds and holds for the connection and for each silence after it. A part that
    came before a crash is kept beside the target and continued. Of two who fetch at once one waits.
    ``transfers`` is told now and then how many bytes are here.

    Raises:
        UnreachableError: The host did not answer, refused, fell silent, or sends slower than ``policy`` allows.
        DigestError: The whole file came and is another one.
        DiskFullError: It does not fit; nothing of it stays.
        OSError: It cannot be written for another reason.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    while not (target.is_file() and sha256_of(target) == sha256):
        with disk.emptied(part), part.open("ab", buffering=0) as sink:
            fcntl.flock(sink, fcntl.LOCK_EX)
            if not _is(sink, part):  # whoever was waited for finished it, or gave it up
                continue
            try:
                wanted = _Wanted(url=url, sha256=sha256, timeout=timeout, policy=policy)
                _fill(wanted, sink, part)
            except BaseException:
                if _size(sink) == 0 and _is(sink, part):
                    part.unlink()
                raise
            part.replace(target)
            return


def _is(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    url: str
    sha256: str
    timeout: float
    policy: RetryPolicy

    @property
    def name(self) -> str:
        """What the file is called, as people read it."""
        return unquote(PurePosixPath(urlsplit(self.url).path).name)


def _fill(wanted: _Wanted, sink: IO[bytes], part: Path) -> None:
    continued = _size(sink) > 0
    _complete(wanted, sink)
    if continued and sha256_of(part) != wanted.sha256:  # the old part may have been of another file
        sink.truncate(0)
        _complete(wanted, sink)
    found = sha256_of(part)
    if found != wanted.sha256:
        part.unlink()
        raise DigestError(
            f"{wanted.url} is not the file it must be",
            why=(f"expected sha256 {wanted.sha256}", f"received sha256 {found}"),
            remedy="Try again; if it stays, the file was replaced at its source or altered on the way.",
        )


def _complete(wanted: _Wanted, sink: IO[bytes]) -> None:
    pace = Pace(wanted.policy)
    try:
        wanted.policy.persist(lambda: _append(wanted, sink, pace), progress=lambda: _size(sink))
    except (TroubleError, TooSlowError, RefusedError) as error:
        host = wanted.url.partition("://")[2].partition("/")[0] or wanted.url
        if wanted.url.startswith("file:"):
            remedy = "Put the file there, whole, and try again."
            raise UnreachableError(f"{wanted.url} cannot be read", why=(str(error),), remedy=remedy) from error
        raise UnreachableError(
            f"{host} cannot be reached", why=(f"{wanted.url}: {error}",), remedy="Try again when it answers."
        ) from error


def _append(wanted: _Wanted, sink: IO[bytes], pace: Pace) -> None:
    """Add what is lacking. Raises TroubleError where less than that came."""
    had = _size(sink)
    try:
        with _answer(wanted.url, wanted.timeout, {"Range": f"bytes={had}-"} if had else {}) as answer:
            if had and answer.status != HTTPStatus.PARTIAL_CONTENT:
                sink.truncate(0)
            whole = None if answer.length is None else _size(sink) + answer.length
            with transfers.coming(wanted.name, whole) as tell:
                for piece in answer.pieces(pace):
                    _write(sink, piece)
                    tell(_size(sink))
    except RefusedError as error:
        if error.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise  # else nothing is left to send; the hash decides


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _write(sink: IO[bytes], piece: bytes) -> None:
    left = memoryview(piece)
    while left:  # a disk that is nearly full takes a part
        left = left[sink.write(left) :]


def _answer(url: str, timeout: float, headers: Mapping[str, str]) -> AbstractContextManager[Answer]:
    """Ask for ``url``, also a file's. Raises TroubleError where trying again may help, else RefusedError."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError as error:
        raise RefusedError(str(error)) from error
    if scheme == "file":
        return _file(url)
    if scheme not in {"http", "https"}:
        raise RefusedError(f"{url!r} is no address of a file")
    from factory.system import wire  # noqa: PLC0415 - requests is slow to load, and many a verb asks nobody

    return wire.answer(url, timeout, headers)


@contextlib.contextmanager
def _file(url: str) -> Iterator[Answer]:
    """Read a mirror on this machine."""
    try:
        with Path(unquote(urlsplit(url).path)).open("rb") as file:
            length = os.fstat(file.fileno()).st_size
            yield Answer(status=HTTPStatus.OK, length=length, pieces=lambda _: iter(lambda: file.read(_CHUNK), b""))
    except FileNotFoundError as error:
        raise RefusedError(str(error), status=HTTPStatus.NOT_FOUND) from error


def root(error: BaseException) -> str:
    """Return the first cause of ``error``: what requests and urllib3 wrap around it repeats URLs and addresses."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error) or type(error).__name__


def read(url: str, *, limit: int, silence: float, policy: RetryPolicy = _LISTS) -> bytes | None:
    """Return the content of the file at ``url``, None where it is known that there is none.

    ``limit`` is the largest size in bytes. ``silence`` is in seconds and holds for the connection and for each
    silence after it.

    Raises:
        UnreachableError: The host kept failing, refused, fell silent, sends slower than ``policy`` allows, or what
            came is too large or not whole.
    """
    pace = Pace(policy)
    try:
        return policy.persist(lambda: _whole(url, limit, silence, pace))
    except RefusedError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise _trouble(url, error) from error
    except (TroubleError, TooSlowError, OSError) as error:
        raise _trouble(url, error) from error


def _whole(url: str, limit: int, silence: float, pace: Pace) -> bytes:
    content = bytearray()
    with _answer(url, silence, {}) as answer:
        for piece in answer.pieces(pace):
            content += piece
            if len(content) > limit:
                raise RefusedError(f"it has more than {limit} bytes")
    return bytes(content)


def _trouble(url: str, error: Exception) -> UnreachableError:
    reason = str(error) or type(error).__name__
    return UnreachableError(f"{url} cannot be had", why=[reason], remedy="Try again when it answers.")
