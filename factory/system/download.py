"""Fetches one file over HTTP: resumed where it broke off, taken only with the right sha256."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from factory.errors import DigestError, UnreachableError
from factory.system.files import sha256_of

_CHUNK = 1 << 20
_FRUITLESS = 2  # attempts in a row that brought nothing before the host counts as unreachable


def fetch(url: str, sha256: str, target: Path, *, timeout: float = 10.0) -> None:
    """Put the file at ``url`` to ``target``, unless a file of that sha256 is there already.

    ``timeout`` is in seconds and holds for the connection and for each silence after it. A part that
    came before a crash is kept beside the target and continued.

    Raises:
        UnreachableError: The host did not answer, refused, or fell silent.
        DigestError: The whole file came and is another one.
        OSError: The file cannot be written.
    """
    if target.is_file() and sha256_of(target) == sha256:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    continued = part.exists()
    _complete(url, part, timeout)
    if continued and sha256_of(part) != sha256:  # the old part may have been of another file
        part.unlink()
        _complete(url, part, timeout)
    _accept(url, sha256, part, target)


def _accept(url: str, sha256: str, part: Path, target: Path) -> None:
    found = sha256_of(part)
    if found != sha256:
        part.unlink()
        raise DigestError(
            f"{url} is not the file it must be",
            why=(f"expected sha256 {sha256}", f"received sha256 {found}"),
            remedy="Try again; if it stays, the file was replaced at its source or altered on the way.",
        )
    part.replace(target)


def _complete(url: str, part: Path, timeout: float) -> None:
    fruitless = 0
    while True:
        had = part.stat().st_size if part.exists() else 0
        trouble = _attempt(url, part, timeout)
        if not trouble:
            return
        fruitless = 0 if part.exists() and part.stat().st_size > had else fruitless + 1
        if fruitless == _FRUITLESS:
            raise _unreachable(url, trouble)


def _attempt(url: str, part: Path, timeout: float) -> str:
    """Append what comes to ``part``; give why it is not the whole, empty when it is."""
    try:
        with _open(url, part, timeout) as answer, part.open("ab") as sink:
            if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
                sink.truncate(0)
            return _pour(answer, sink.fileno())
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return ""  # nothing is left to send; the hash decides
        raise _unreachable(url, f"it answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _unreachable(url, str(error.reason)) from error
    except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
        return str(error) or type(error).__name__


def _open(url: str, part: Path, timeout: float) -> http.client.HTTPResponse:
    had = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={had}-"} if had else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the hash decides, whatever the scheme
    answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310 - likewise
    return answer


def _pour(answer: http.client.HTTPResponse, sink: int) -> str:
    expected, came = getattr(answer, "length", None), 0  # a file's answer has none
    while chunk := answer.read1(_CHUNK):  # ``read`` would lose what came before a silence
        os.write(sink, chunk)
        came += len(chunk)
    return "" if expected in {None, came} else f"it ended after {came} of {expected} bytes"


def _unreachable(url: str, reason: str) -> UnreachableError:
    host = urllib.parse.urlsplit(url).netloc
    return UnreachableError(f"{host} cannot be reached", why=(f"{url}: {reason}",), remedy="Try again when it answers.")


def root(error: BaseException) -> str:
    """Return the first cause of ``error``: what requests and urllib3 wrap around it repeats URLs and addresses."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error) or type(error).__name__


def read(url: str, *, limit: int, silence: float) -> bytes | None:
    """Return the content of the file at ``url``, None where it is known that there is none.

    ``limit`` is the largest size in bytes. ``silence`` is in seconds and holds for the connection and for each
    silence after it.

    Raises:
        UnreachableError: The host did not answer, refused, or fell silent, or what came is too large or not whole.
    """
    try:
        with urllib.request.urlopen(url, timeout=silence) as answer:  # noqa: S310 - a file address is a mirror
            return _whole(answer, limit)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.NOT_FOUND:
            return None
        raise _trouble(url, f"it answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, FileNotFoundError):
            return None
        raise _trouble(url, str(error.reason)) from error
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise _trouble(url, str(error) or type(error).__name__) from error


def _whole(answer: http.client.HTTPResponse, limit: int) -> bytes:
    expected = getattr(answer, "length", None)  # a file's answer has none
    content = answer.read(limit + 1)
    if len(content) > limit:
        msg = f"it has more than {limit} bytes"
        raise ValueError(msg)
    if expected not in {None, len(content)}:
        msg = f"it ended after {len(content)} of {expected} bytes"
        raise ValueError(msg)
    return content


def _trouble(url: str, reason: str) -> UnreachableError:
    return UnreachableError(f"{url} cannot be had", why=[reason], remedy="Try again when it answers.")
