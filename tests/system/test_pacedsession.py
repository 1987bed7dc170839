from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from factory.system import pacedsession
from factory.system.retry import RetryPolicy
from tests.serving import serving

TEXT = b"flash-attn " * 50_000
PACE = RetryPolicy(slowest=10_000.0)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = gzip.compress(TEXT) if self.path == "/packed" else TEXT
        self.send_response(200)
        if self.path == "/packed":
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path == "/cut":
            body = body[:100]
        if self.path != "/trickle":
            self.wfile.write(body)
            return
        with suppress(ConnectionError):
            while True:
                self.wfile.write(b"x")
                self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize("path", ["/plain", "/packed"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_what_it_is_without(url: str, path: str, stream: bool) -> None:  # noqa: FBT001
    with pacedsession.session(PACE) as session, session.get(url + path, stream=stream, timeout=10) as answer:
        assert answer.content == TEXT


def test_an_answer_that_is_cut_short_is_told(url: str) -> None:
    with pacedsession.session(PACE) as session, pytest.raises(requests.RequestException):
        session.get(f"{url}/cut", timeout=10)


def test_a_server_that_trickles_is_given_up(url: str) -> None:
    ticks = iter(range(0, 1_000_000, 60))
    slow = RetryPolicy(slowest=10_000.0, clock=lambda: float(next(ticks)))
    with pacedsession.session(slow) as session, pytest.raises(requests.RequestException, match=r"bytes came in"):
        session.get(f"{url}/trickle", timeout=10)
