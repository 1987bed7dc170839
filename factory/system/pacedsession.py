"""Sessions of requests whose answers come to an end: the time-outs of requests hold for each silence alone."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from factory.system.retry import Pace, RetryPolicy, TooSlowError

_PIECE = 1 << 16  # bytes


class _Paced(HTTPAdapter):
    def __init__(self, policy: RetryPolicy) -> None:
        super().__init__()
        self._policy = policy

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:  # noqa: ANN401 - as requests has them
        answer = super().send(request, *arguments, **named)
        # A reference that counts would be a cycle, and connections would be closed when the collector gets to them.
        held = weakref.ref(answer.raw)

        def stream(_amount: int = _PIECE, decode_content: bool | None = None) -> Iterator[bytes]:  # noqa: FBT001 - as urllib3 has it
            raw = held()
            return iter(()) if raw is None else _pieces(raw, Pace(self._policy), decode_content=decode_content)

        answer.raw.stream = stream  # type: ignore[method-assign]  # what requests reads every answer by
        return answer


def _pieces(raw: HTTPResponse, pace: Pace, *, decode_content: bool | None) -> Iterator[bytes]:
    while piece := raw.read1(_PIECE, decode_content=decode_content):
        try:
            pace.add(len(piece))
        except TooSlowError as error:
            raw.close()
            raise ProtocolError(str(error)) from error
        yield piece


def session(policy: RetryPolicy) -> requests.Session:
    """Return a session of whose answers none comes slower than ``policy`` allows; such a one raises requests' own."""
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Paced(policy))
    return made
