from __future__ import annotations

import contextlib
import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from factory.errors import DigestError, DiskFullError, UnreachableError
from factory.system import transfers
from factory.system.download import fetch
from factory.system.retry import RetryPolicy
from tests.serving import serving

CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = len(CONTENT) // 2

AT_ONCE = RetryPolicy(tries=1, sleep=lambda _: None)

FETCH = """
import sys
from pathlib import Path
from factory.system import transfers
from factory.system.download import fetch
fetch(*sys.argv[1:3], Path(sys.argv[3]))
"""

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers by ``answer`` and notes what was asked for."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: Answer = whole
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers["Range"])
        self.server.answer(self)

    def log_message(self, *_: object) -> None:
        pass


def send(handler: BaseHTTPRequestHandler, body: bytes, *, promise: int | None = None, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if promise is None else promise))
    handler.end_headers()
    handler.wfile.write(body)


def whole(handler: BaseHTTPRequestHandler) -> None:
    start = int(handler.headers["Range"][6:-1]) if handler.headers["Range"] else 0
    if start >= len(CONTENT):
        handler.send_error(416)
    else:
        send(handler, CONTENT[start:], status=206 if start else 200)


def truncated_at_first(handler: BaseHTTPRequestHandler) -> None:
    if handler.headers["Range"]:
        whole(handler)
    else:
        send(handler, CONTENT[:HALF], promise=len(CONTENT))


def until_the_client_leaves(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.flush()
    handler.rfile.read(1)


def stalled_at_first(handler: BaseHTTPRequestHandler) -> None:
    if handler.headers["Range"]:
        whole(handler)
    else:
        send(handler, CONTENT[:HALF], promise=len(CONTENT))
        until_the_client_leaves(handler)


def stalled_for_good(handler: BaseHTTPRequestHandler) -> None:
    send(handler, b"", promise=len(CONTENT))
    until_the_client_leaves(handler)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as server:
        yield server


def test_the_file_is_there_and_nothing_else(server: Server, tmp_path: Path) -> None:
    fetch(server.url, SHA256, tmp_path / "new" / "file.bin")
    assert (tmp_path / "new" / "file.bin").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.bin"]


def test_a_file_that_is_there_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(CONTENT)
    fetch(server.url, SHA256, tmp_path / "file.bin")
    assert server.ranges == []


def test_a_damaged_file_is_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(CONTENT[:-1] + b"x")
    fetch(server.url, SHA256, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_another_file_is_refused_and_not_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DigestError) as raised:
        fetch(server.url, "0" * 64, tmp_path / "file.bin")
    assert any(SHA256 in line for line in raised.value.why)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [truncated_at_first, stalled_at_first])
def test_a_broken_transfer_goes_on_where_it_stopped(server: Server, tmp_path: Path, answer: Answer) -> None:
    server.answer = answer
    fetch(server.url, SHA256, tmp_path / "file.bin", timeout=0.3, policy=AT_ONCE)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-"]


def test_a_part_of_an_earlier_run_is_continued(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:HALF])
    fetch(server.url, SHA256, tmp_path / "file.bin")
    assert server.ranges == [f"bytes={HALF}-"]


@pytest.mark.parametrize("old", [b"of another file", CONTENT + b"too long"])
def test_a_part_of_another_file_is_thrown_away(server: Server, tmp_path: Path, old: bytes) -> None:
    (tmp_path / "file.bin.part").write_bytes(old)
    fetch(server.url, SHA256, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_is_read_from_the_start(server: Server, tmp_path: Path) -> None:
    server.answer = lambda handler: send(handler, CONTENT)
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:HALF])
    fetch(server.url, SHA256, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_silence_ends_soon_and_names_the_host(server: Server, tmp_path: Path) -> None:
    server.answer = stalled_for_good
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{server.server_port} cannot be reached"):
        fetch(server.url, SHA256, tmp_path / "file.bin", timeout=0.2, policy=AT_ONCE)
    assert time.monotonic() - began < 2


def test_a_refusal_is_told(server: Server, tmp_path: Path) -> None:
    server.answer = lambda handler: handler.send_error(404)
    with pytest.raises(UnreachableError) as raised:
        fetch(server.url, SHA256, tmp_path / "file.bin")
    assert "404" in raised.value.why[0]
    assert len(server.ranges) == 1


def test_a_closed_port_is_told_at_once(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{port} cannot be reached"):
        fetch(f"http://127.0.0.1:{port}/x", SHA256, tmp_path / "file.bin")


def test_a_host_without_a_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"nowhere\.invalid cannot be reached"):
        fetch("https://nowhere.invalid/x", SHA256, tmp_path / "file.bin")


def failing_at_first(status: int, headers: dict[str, str], times: int) -> Answer:
    left = iter(range(times))

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if next(left, None) is None:
            whole(handler)
            return
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            handler.send_header(name, value)
        handler.end_headers()

    return answer


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_that_fails_now_and_then_is_asked_again(server: Server, tmp_path: Path, status: int) -> None:
    server.answer = failing_at_first(status, {"Retry-After": "7"}, 2)
    waited: list[float] = []
    fetch(server.url, SHA256, tmp_path / "file.bin", policy=RetryPolicy(tries=2, sleep=waited.append))
    assert len(waited) == 2
    assert all(7 <= seconds < 9 for seconds in waited)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_server_that_trickles_is_given_up(server: Server, tmp_path: Path) -> None:
    ticks = iter(range(0, 100_000, 9))  # a byte comes every nine seconds of this clock

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"", promise=len(CONTENT))
        with contextlib.suppress(ConnectionError):
            while True:
                handler.wfile.write(b"x")
                time.sleep(0.005)

    server.answer = trickle
    slow = RetryPolicy(tries=1, slowest=10_000, sleep=lambda _: None, clock=lambda: float(next(ticks)))
    with pytest.raises(UnreachableError, match=r"only \d+ bytes came in 1\d\d seconds"):
        fetch(server.url, SHA256, tmp_path / "file.bin", policy=slow)


def test_a_full_disk_leaves_nothing(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match="the disk is full"):
        fetch(server.url, SHA256, tmp_path / "file.bin")
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    for url in ("file.bin", "http:// /file.bin", "http://[::1/file.bin"):
        with pytest.raises(UnreachableError, match="cannot be reached"):
            fetch(url, SHA256, tmp_path / "file.bin")


def test_many_fetch_one_file_at_once(server: Server, tmp_path: Path) -> None:
    """Processes, as they share nothing but the directory; some find a part, some the file of another."""
    for number in range(5):
        target = tmp_path / str(number) / "file.bin"
        target.parent.mkdir()
        if number % 2:
            target.with_name("file.bin.part").write_bytes(CONTENT[: HALF + number])
        words = [sys.executable, "-c", FETCH, server.url, SHA256, str(target)]
        fetching = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        assert [process.communicate()[1] for process in fetching] == [""] * 4
        assert [process.returncode for process in fetching] == [0] * 4
        assert [path.name for path in target.parent.iterdir()] == ["file.bin"]
        assert target.read_bytes() == CONTENT
    assert len(server.ranges) <= 10


def test_threads_fetch_one_file_at_once(server: Server, tmp_path: Path) -> None:
    for number in range(40):
        target = tmp_path / str(number) / "file.bin"
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _, target=target: fetch(server.url, SHA256, target), range(3)))
        assert [path.name for path in target.parent.iterdir()] == ["file.bin"]
        assert target.read_bytes() == CONTENT
    assert len(server.ranges) == 40


def test_who_shows_transfers_is_told_of_all_bytes_that_are_here(server: Server, tmp_path: Path) -> None:
    told: list[tuple[str, int | None, int]] = []

    @contextlib.contextmanager
    def show(name: str, size: int | None) -> Iterator[Callable[[int], object]]:
        yield lambda done: told.append((name, size, done))

    (tmp_path / "a.part").write_bytes(CONTENT[:HALF])  # what an earlier run left
    with transfers.shown(show):
        fetch(server.url, SHA256, tmp_path / "a")
    assert {(name, size) for name, size, _ in told} == {("file.bin", len(CONTENT))}
    assert HALF < told[0][2] <= told[-1][2] == len(CONTENT)
    told.clear()
    fetch(server.url, SHA256, tmp_path / "b")
    assert told == []
