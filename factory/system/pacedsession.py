"""Sessions of requests whose answers come to an end: the time-outs of requests hold for each silence alone.

They trust what this machine trusts (its own store, ``SSL_CERT_FILE``) beside what requests brings along: a mirror with
a certificate of the house is as good here as it is for curl and git.
"""

from __future__ import annotations

import ssl
import weakref
from collections.abc import Iterator
from functools import cached_property
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
            return iter(()) if raw is None else _streamed(raw, Pace(self._policy), decode_content=decode_content)

        answer.raw.stream = stream  # type: ignore[method-assign]  # what requests reads every answer by
        return answer

    def build_connection_pool_key_attributes(self, *arguments: Any, **named: Any) -> tuple[Any, Any]:  # noqa: ANN401 - as requests has them
        """Return where to connect to, and how."""
        place, how = super().build_connection_pool_key_attributes(*arguments, **named)
        return place, {**how, "ssl_context": self._trust} if place["scheme"] == "https" else how

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def pieces(raw: HTTPResponse, pace: Pace, *, decode_content: bool | None = False) -> Iterator[bytes]:
    """Yield what comes, as it was sent unless ``decode_content`` says otherwise.

    Raises TooSlowError where it comes slower than ``pace`` allows, and urllib3's HTTPError where it breaks off.
    """
    pace.start()
    while piece := raw.read1(_PIECE, decode_content=decode_content):  # ``read`` would lose what came before a silence
        pace.add(len(piece))
        yield piece


def _streamed(raw: HTTPResponse, pace: Pace, *, decode_content: bool | None) -> Iterator[bytes]:
    try:
        yield from pieces(raw, pace, decode_content=decode_content)
    except TooSlowError as error:
        raw.close()
        raise ProtocolError(str(error)) from error  # one of those that requests makes its own of


def session(policy: RetryPolicy) -> requests.Session:
    """Return a session of whose answers none comes slower than ``policy`` allows; such a one raises requests' own."""
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Paced(policy))
    return made
