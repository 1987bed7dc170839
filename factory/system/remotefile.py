"""A file on a server, of which only the parts that are asked for are fetched (RFC 9110, "Range Requests")."""

from __future__ import annotations

import io
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE = 1 << 18  # bytes; the end of a wheel's directory and what lies before it
_TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte
_RANGE = re.compile(r"bytes \d+-\d+/(\d+)", re.ASCII)


def opened(url: str, session: requests.Session) -> io.BufferedReader:
    """Return the file at ``url``, open for reading here and there.

    Raises requests.RequestException, also where the server gives whole files only; so may every read.
    """
    return io.BufferedReader(_Remote(url, session), _PIECE)


class _Remote(io.RawIOBase):
    def __init__(self, url: str, session: requests.Session) -> None:
        super().__init__()
        self._url = url
        self._session = session
        self._at = 0
        self._size = self._ranged(0, 0)[1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        end = min(self._at + len(view), self._size)
        if end <= self._at:
            return 0
        content, _ = self._ranged(self._at, end - 1)
        view[: len(content)] = content
        self._at += len(content)
        return len(content)

    def _ranged(self, first: int, last: int) -> tuple[bytes, int]:
        """Return the bytes from ``first`` to ``last`` and the size of the whole file."""
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity"}
        with self._session.get(self._url, headers=headers, timeout=_TIMEOUT, stream=True) as answer:
            answer.raise_for_status()
            told = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if answer.status_code != HTTPStatus.PARTIAL_CONTENT or told is None:
                raise requests.exceptions.InvalidHeader("the server gives whole files only")
            content = answer.content
        if len(content) != last - first + 1:
            raise requests.exceptions.ContentDecodingError("the server gave another part than was asked for")
        return content, int(told[1])
