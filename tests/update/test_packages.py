"""Against a small index that serves parts of files, and once against the real one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from factory.errors import DigestError, SourceError, UnreachableError
from factory.system import remotefile
from factory.update import packages
from factory.update.listing import IndexFile, sdists, wheels
from factory.update.metadata import needs
from tests.serving import serving

NAME = "torch-2.16.0-cp314-cp314-manylinux_2_28_x86_64.whl"
METADATA = "Metadata-Version: 2.4\nName: torch\nVersion: 2.16.0\nRequires-Dist: cuda-toolkit==13.2.2\n"
BESIDE = METADATA.replace("13.2.2", "13.2.9")


def wheel(*, entry: str = "torch-2.16.0.dist-info/METADATA") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("torch/lib/large.so", os.urandom(3 << 20))
        archive.writestr("torch/vendored.dist-info/deep/METADATA", "another")
        archive.writestr(entry, METADATA, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


class Index(ThreadingHTTPServer):
    """Serves ``files`` by path; in parts, unless it is told that it cannot."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {f"/{NAME}": wheel()}
        self.parts = True
        self.short = 0
        self.beside = 0
        self.sent = 0
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def lists(self, *, metadata: object = False) -> None:
        entry = {"filename": NAME, "url": f"{self.url}/{NAME}", "hashes": {"sha256": "ab" * 32}, "yanked": "broken"}
        odd = {
            "filename": "torch-1.tar.gz",
            "url": f"{self.url}/x",
            "hashes": {"sha256": "`"},
            "core-metadata": metadata,
        }
        listing = {"meta": {"api-version": "1.1"}, "name": "torch", "versions": [], "files": [entry, odd]}
        for one in listing["files"]:
            assert isinstance(one, dict)
            one["size"] = 1
        self.files["/simple/torch/"] = json.dumps(listing).encode()


class Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        content = self.server.files.get(self.path)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        headers = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
        if content is None:
            self.send_response(404)
            content = b""
        elif wanted and self.server.parts:
            self.send_response(206)
            first, last = int(wanted[1]) + self.server.beside, int(wanted[2]) + self.server.beside
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            self.server.asked += 1
            content = content[first : last + 1 - self.server.short]
        else:
            self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.server.sent += len(content)
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index() -> Iterator[Index]:
    with serving(Index()) as server:
        yield server


def named(index: Index, **more: str | None) -> IndexFile:
    return IndexFile(**{"name": NAME, "url": f"{index.url}/{NAME}", "sha256": None, **more})  # type: ignore[arg-type]


def test_what_is_listed_is_read(index: Index) -> None:
    index.lists(metadata={"sha256": "cd" * 32})
    first, second = packages.listed("torch", {"PIP_INDEX_URL": f"{index.url}/simple"})
    assert (first.name, first.sha256, first.yanked, first.metadata_sha256) == (NAME, "ab" * 32, True, None)
    assert (second.sha256, second.yanked, second.metadata_sha256) == (None, False, "cd" * 32)


def test_another_index_can_be_named(index: Index) -> None:
    index.lists()
    assert len(packages.listed("torch", {"PIP_INDEX_URL": "http://127.0.0.1:1"}, index=f"{index.url}/simple")) == 2


def test_a_project_that_is_not_there_is_told(index: Index) -> None:
    with pytest.raises(SourceError, match="does not have torch"):
        packages.listed("torch", {"PIP_INDEX_URL": f"{index.url}/simple"})


@pytest.mark.parametrize("listing", [b"", b"{}", b'{"meta": {"api-version": "9.0"}, "name": "torch", "files": []}'])
def test_what_is_no_index_is_told(index: Index, listing: bytes) -> None:
    index.files["/simple/torch/"] = listing
    with pytest.raises(UnreachableError, match=r"torch.*127\.0\.0\.1"):
        packages.listed("torch", {"PIP_INDEX_URL": f"{index.url}/simple"})


def test_an_index_that_does_not_answer_is_told_without_its_password() -> None:
    with pytest.raises(UnreachableError) as caught:
        packages.listed("torch", {"PIP_INDEX_URL": "http://me:secret@127.0.0.1:1/simple"})
    assert "secret" not in str(caught.value)


def test_metadata_is_read_out_of_the_wheel_and_little_else(index: Index) -> None:
    assert packages.metadata(named(index)) == METADATA
    assert index.sent < 1 << 20
    assert index.asked == 2  # its size, and its end


def test_metadata_beside_the_wheel_comes_first_and_must_have_its_hash(index: Index) -> None:
    index.files[f"/{NAME}.metadata"] = BESIDE.encode()
    assert packages.metadata(named(index)) == METADATA
    right = hashlib.sha256(BESIDE.encode()).hexdigest()
    assert packages.metadata(named(index, metadata_sha256=right)) == BESIDE
    with pytest.raises(DigestError, match="not what the package index says"):
        packages.metadata(named(index, metadata_sha256="ab" * 32))


def test_metadata_that_was_promised_and_is_not_there_is_read_out_of_the_wheel(index: Index) -> None:
    assert packages.metadata(named(index, metadata_sha256="ab" * 32)) == METADATA


@pytest.mark.parametrize("content", [b"", b"no wheel", wheel(entry="torch/METADATA"), wheel()[:-30]])
def test_a_wheel_without_metadata_is_told(index: Index, content: bytes) -> None:
    index.files[f"/{NAME}"] = content
    with pytest.raises(UnreachableError):
        packages.metadata(named(index))


def test_a_server_that_gives_whole_files_only_is_not_read_to_the_end(index: Index) -> None:
    index.parts = False
    with pytest.raises(UnreachableError, match="the server gives whole files only"):
        packages.metadata(named(index))


def test_a_part_that_is_too_short_is_an_error(index: Index) -> None:
    with requests.Session() as session, remotefile.opened(f"{index.url}/{NAME}", session) as remote:
        index.short = 1
        with pytest.raises(requests.RequestException, match="another part"):
            remote.read(10)


def test_another_part_than_was_asked_for_is_an_error(index: Index) -> None:
    with requests.Session() as session, remotefile.opened(f"{index.url}/{NAME}", session) as remote:
        index.beside = 1
        with pytest.raises(requests.RequestException, match="another part"):
            remote.read(10)


def test_any_part_is_what_stands_there(index: Index) -> None:
    content = index.files[f"/{NAME}"]
    with requests.Session() as session, remotefile.opened(f"{index.url}/{NAME}", session) as remote:
        for at, size in ((0, 4), (len(content) - 3, 10), (1 << 20, 1 << 19), (len(content) + 5, 1)):
            remote.seek(at)
            assert remote.read(size) == content[at : at + size]


def test_the_real_index_has_what_the_matrix_rests_on() -> None:
    """The newest torch when this was written: what its metadata says is what matrix.yaml says of it."""
    env = dict(os.environ)
    assert "2.8.3.post2" in map(str, sdists(packages.listed("flash-attn", env), "flash-attn"))
    found = {wheel.python: wheel for wheel in wheels(packages.listed("torch", env)) if str(wheel.version) == "2.15.0"}
    assert {"3.11", "3.12", "3.13", "3.14"} <= set(found)
    told = needs(packages.metadata(found["3.14"].file), python="3.14")
    assert (told.cuda, told.setuptools, told.requires_python) == ("13.2", ">=77.0.3", ">=3.11")
