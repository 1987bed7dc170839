"""Reads a file at an address into memory: a list that nothing says the hash of beforehand."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request

from factory.core.errors import UnreachableError


def read(url: str, *, limit: int, silence: float) -> bytes | None:
    """Give the content of the file at ``url``, None where it is known that there is none.

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
