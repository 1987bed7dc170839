"""Fetches one file over HTTP: resumed where it broke off, taken only with the right sha256."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

import requests
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError

from factory.errors import DigestError, UnreachableError
from factory.system import disk, pacedsession, transfers
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
            whole = None if answer.length is None else _size(sink) + answer.length
            with transfers.coming(wanted.name, whole) as tell:
                for piece in answer.pieces(pace):
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


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """``length`` is in bytes, None where nobody said it."""

    status: int
    length: int | None
    pieces: Callable[[Pace], Iterator[bytes]]


@contextlib.contextmanager
def _answer(url: str, timeout: float, headers: Mapping[str, str]) -> Iterator[_Answer]:
    """Ask for ``url``, also a file's. Raises TroubleError where trying again may help, else _RefusedError."""
    if url.startswith("file:"):
        with _file(url) as answer:
            yield answer
        return
    with pacedsession.session(PACE) as session, _asked(session, url, timeout, headers) as came:
        if came.status_code == HTTPStatus.TOO_MANY_REQUESTS or came.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            asked = came.headers.get("Retry-After", "")
            raise TroubleError(_said(came), wait=float(asked) if asked.isdecimal() else None)
        if not came.ok:
            raise _RefusedError(_said(came), status=came.status_code)
        yield _Answer(
            status=came.status_code, length=came.raw.length_remaining, pieces=lambda pace: _pieces(came.raw, pace)
        )


def _asked(session: requests.Session, url: str, timeout: float, headers: Mapping[str, str]) -> requests.Response:
    try:
        return session.get(
            url,
            headers={**headers, "Accept-Encoding": "identity"},  # parts are parts of the file as it is
            timeout=timeout,
            stream=True,
            hooks={"response": _hold_redirect},
        )
    except requests.ConnectionError as error:
        if isinstance(error.args[0], MaxRetryError):  # requests' word for: nobody was reached
            raise _RefusedError(root(error)) from error
        raise TroubleError(root(error)) from error
    except requests.ReadTimeout as error:
        raise TroubleError(root(error)) from error
    except (requests.RequestException, ValueError) as error:
        raise _RefusedError(str(error)) from error


def _hold_redirect(answer: requests.Response, **_: object) -> None:
    """Refuse to be led to anything but a server."""
    if answer.is_redirect and urlsplit(answer.headers["Location"]).scheme not in {"", "http", "https"}:
        raise _RefusedError(f"{_said(answer)}, and leads to {answer.headers['Location']}")


def _said(answer: requests.Response) -> str:
    return f"it answered {answer.status_code} {answer.reason}"


@contextlib.contextmanager
def _file(url: str) -> Iterator[_Answer]:
    """Read a mirror on this machine."""
    try:
        with Path(unquote(urlsplit(url).path)).open("rb") as file:
            length = os.fstat(file.fileno()).st_size
            yield _Answer(status=HTTPStatus.OK, length=length, pieces=lambda _: iter(lambda: file.read(_CHUNK), b""))
    except FileNotFoundError as error:
        raise _RefusedError(str(error), status=HTTPStatus.NOT_FOUND) from error


def _pieces(raw: HTTPResponse, pace: Pace) -> Iterator[bytes]:
    """Yield what comes. Raises TroubleError where it ends too early, TooSlowError where it takes too long."""
    expected, came = raw.length_remaining, 0
    try:
        for piece in pacedsession.pieces(raw, pace):
            came += len(piece)
            yield piece
    except ProtocolError as error:
        unsaid = expected is None or came == expected
        raise TroubleError(error.args[0] if unsaid else f"it ended after {came} of {expected} bytes") from error
    except HTTPError as error:
        raise TroubleError(root(error)) from error


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
        for piece in answer.pieces(pace):
            content += piece
            if len(content) > limit:
                raise _RefusedError(f"it has more than {limit} bytes")
    return bytes(content)


def _trouble(url: str, error: Exception) -> UnreachableError:
    reason = str(error) or type(error).__name__
    return UnreachableError(f"{url} cannot be had", why=[reason], remedy="Try again when it answers.")
