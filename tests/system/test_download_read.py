from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.errors import UnreachableError
from factory.system import download
from factory.system.retry import RetryPolicy

ONCE = RetryPolicy(tries=0)


@contextlib.contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """Give the address of a server that says ``answer`` to the one who asks, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/list"
        finally:
            thread.join()


def read(url: str) -> bytes | None:
    return download.read(url, limit=5, silence=5.0, policy=ONCE)


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345", b"12345"),
        (b"HTTP/1.0 200 OK\r\n\r\n1234", b"1234"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n0\r\n\r\n", b"123"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", None),
    ],
)
def test_what_is_there_and_what_is_not(answer: bytes, content: bytes | None) -> None:
    with saying(answer) as url:
        assert read(url) == content


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n123456", "it has more than 5 bytes"),
        (b"HTTP/1.0 200 OK\r\n\r\n123456", "it has more than 5 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n123", "it ended after 3 of 5 bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n", "IncompleteRead"),
        (b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", "it answered 429 Too Many Requests"),
        (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", "it answered 302"),
        (b"no HTTP\r\n", "no HTTP"),
        (b"", "closed connection without response"),
    ],
)
def test_what_is_not_the_file_is_never_taken_for_it_nor_for_none(answer: bytes, why: str) -> None:
    with saying(answer) as url, pytest.raises(UnreachableError, match=f"{url} cannot be had\n.*{why}"):
        read(url)


def test_a_silent_host_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(UnreachableError, match="timed out"):
        download.read(f"http://127.0.0.1:{server.getsockname()[1]}/list", limit=5, silence=0.2, policy=ONCE)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/list", "http://nowhere.invalid/list", "http:// /list", "list"])
def test_an_address_that_nobody_answers_at(url: str) -> None:
    with pytest.raises(UnreachableError, match="cannot be had"):
        read(url)


def test_a_file_on_this_machine(tmp_path: Path) -> None:
    assert read((tmp_path / "list").as_uri()) is None
    (tmp_path / "list").write_bytes(b"12345")
    assert read((tmp_path / "list").as_uri()) == b"12345"
