from __future__ import annotations

import contextlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from factory.errors import UnreachableError
from factory.index import wheelsjson
from factory.index.published import to_json
from tests.samplewheels import GUIDE, wheel
from tests.serving import serving


@contextlib.contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/repo/wheels.json" else 418)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}/repo"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_list_at_an_address(slash: str) -> None:
    with answering(200, to_json([wheel()]).encode()) as index:
        assert wheelsjson.read(index + slash) == wheelsjson.former(index) == (wheel(),)


def test_a_mirrors_addresses_become_whole_for_those_who_fetch(tmp_path: Path) -> None:
    relative = wheel(url="files/a%2Bb.whl")
    (tmp_path / "wheels.json").write_text(to_json([relative]))
    (found,) = wheelsjson.read(str(tmp_path))
    assert found.url == f"{tmp_path.as_uri()}/files/a%2Bb.whl"
    assert wheelsjson.former(tmp_path.as_uri()) == (relative,)


def test_no_index_yet_is_an_empty_one_for_its_successor_only(tmp_path: Path) -> None:
    with answering(404, b"") as index:
        for place in (index, str(tmp_path)):
            assert wheelsjson.former(place) == ()
            with pytest.raises(UnreachableError, match="there is no index at"):
                wheelsjson.read(place)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (503, b"", "it answered 503"),
        (200, b'{"schema": 2, "wheels": []}', "is no list of wheels that this factory reads"),
        (200, b"<html>", "is no list of wheels"),
        (200, to_json([wheel()]).replace(GUIDE, "other.whl").encode(), "is no list of wheels"),
    ],
)
def test_an_index_that_cannot_be_told_is_never_taken_for_an_empty_one(status: int, body: bytes, why: str) -> None:
    with answering(status, body) as index, pytest.raises(UnreachableError, match=why):
        wheelsjson.former(index)


def test_a_host_that_does_not_answer() -> None:
    with answering(200, b"") as index:
        pass
    with pytest.raises(UnreachableError, match="the index cannot be reached"):
        wheelsjson.former(index)
