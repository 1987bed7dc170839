"""A file on a server, of which only the parts that are asked for are fetched (RFC 9110, "Range Requests").

Own code in place of remotezip: that (0.12.6) takes any answer with a ``Content-Range`` for the part it asked for,
whatever its status and length, reads past the session, so that a server that trickles holds it for ever, lets
``zipfile`` read a list of members of any length, and asks anew for each member, where torch's thousands of headers lie
side by side.
"""

from __future__ import annotations

import io
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_AHEAD = 1 << 18  # bytes; the end of a wheel's directory and what lies before it, or many small members
_PIECE = 1 << 13
_TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)


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
        self._have = (0, b"")  # what was fetched last, and where it stands
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
        first, have = self._have
        if not first <= self._at <= end <= first + len(have):
            first, have = self._at, self._ranged(self._at, min(max(end, self._at + _AHEAD), self._size) - 1)[0]
            self._have = (first, have)
        view[: end - self._at] = have[self._at - first : end - first]
        came, self._at = end - self._at, end
        return came

    def _ranged(self, first: int, last: int) -> tuple[bytes, int]:
        """Return the bytes from ``first`` to ``last`` and the size of the whole file."""
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity"}
        with self._session.get(self._url, headers=headers, timeout=_TIMEOUT, stream=True) as answer:
            answer.raise_for_status()
            told = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if answer.status_code != HTTPStatus.PARTIAL_CONTENT or told is None:
                raise requests.exceptions.InvalidHeader("the server gives whole files only")
            content = answer.content
        if (int(told[1]), int(told[2]), len(content)) != (first, last, last - first + 1):
            raise requests.exceptions.ContentDecodingError("the server gave another part than was asked for")
        return content, int(told[3])
