"""Fetches one file over HTTP: resumed where it broke off, taken only with the right sha256."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

from factory.errors import DigestError, UnreachableError
from factory.system import disk, transfers
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
    except (TroubleError, TooSlowError, _RefusedError) as error:
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
            left = getattr(answer, "length", None)  # a file's answer has none
            with transfers.coming(wanted.name, None if left is None else _size(sink) + left) as tell:
                for piece in _pieces(answer, pace):
                    _write(sink, piece)
                    tell(_size(sink))
    except _RefusedError as error:
        if error.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise  # else nothing is left to send; the hash decides


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _write(sink: IO[bytes], piece: bytes) -> None:
    left = memoryview(piece)
    while left:  # a disk that is nearly full takes a part
        left = left[sink.write(left) :]


class _RefusedError(Exception):
    """An answer that trying again does not change; ``status`` is None where the host gave none."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


@contextlib.contextmanager
def _answer(url: str, timeout: float, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """Ask for ``url``, also a file's. Raises TroubleError where trying again may help, else _RefusedError."""
    try:
        request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - a file address is a mirror
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - likewise
            yield answer
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"it answered {error.code} {error.reason}"
        if error.code == HTTPStatus.TOO_MANY_REQUESTS or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            asked = error.headers.get("Retry-After", "")
            raise TroubleError(reason, wait=float(asked) if asked.isdecimal() else None) from error
        raise _RefusedError(reason, status=error.code) from error
    except urllib.error.URLError as error:
        missing = HTTPStatus.NOT_FOUND if isinstance(error.reason, FileNotFoundError) else None
        raise _RefusedError(str(error.reason), status=missing) from error
    except (http.client.InvalidURL, ValueError) as error:
        raise _RefusedError(str(error)) from error
    except (http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        raise TroubleError(str(error) or type(error).__name__) from error


def _pieces(answer: http.client.HTTPResponse, pace: Pace) -> Iterator[bytes]:
    """Yield what comes. Raises TroubleError where it ends too early, TooSlowError where it takes too long."""
    expected, came = getattr(answer, "length", None), 0  # a file's answer has none
    pace.start()
    while piece := answer.read1(_CHUNK):  # ``read`` would lose what came before a silence
        pace.add(len(piece))
        came += len(piece)
        yield piece
    if expected not in {None, came}:
        raise TroubleError(f"it ended after {came} of {expected} bytes")


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
    except _RefusedError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise _trouble(url, error) from error
    except (TroubleError, TooSlowError, OSError) as error:
        raise _trouble(url, error) from error


def _whole(url: str, limit: int, silence: float, pace: Pace) -> bytes:
    content = bytearray()
    with _answer(url, silence, {}) as answer:
        for piece in _pieces(answer, pace):
            content += piece
            if len(content) > limit:
                raise _RefusedError(f"it has more than {limit} bytes")
    return bytes(content)


def _trouble(url: str, error: Exception) -> UnreachableError:
    reason = str(error) or type(error).__name__
    return UnreachableError(f"{url} cannot be had", why=[reason], remedy="Try again when it answers.")
