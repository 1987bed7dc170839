from __future__ import annotations

import functools
import hashlib
import io
import tarfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from factory.errors import DigestError, UnreachableError
from factory.toolkit.pins import Package
from factory.toolkit.redist import fetch
from factory.toolkit.source import Errand
from tests.serving import serving

PATH = "cuda_x/linux-x86_64/cuda_x-linux-x86_64-1.2.3-archive.tar.xz"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def root(tmp_path: Path) -> Iterator[str]:
    """Serves one component the way NVIDIA's host does."""
    archive = tmp_path / "served" / PATH
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:xz") as tar:
        info = tarfile.TarInfo("cuda_x-linux-x86_64-1.2.3-archive/bin/x")
        info.size, info.mode = 4, 0o755
        tar.addfile(info, io.BytesIO(b"tool"))
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}/"


@pytest.fixture
def errand(tmp_path: Path) -> Errand:
    (tmp_path / "trees").mkdir()
    return Errand(env={}, downloads=tmp_path / "downloads", trees=tmp_path / "trees", say=lambda _: None)


def package(sha256: str) -> Package:
    return Package(
        source="redist", name="cuda_x", version="1.2.3", sha256=sha256, size=1, path=PATH, take={"bin": "bin"}
    )


def test_a_component_is_unpacked(tmp_path: Path, root: str, errand: Errand) -> None:
    sha256 = hashlib.sha256((tmp_path / "served" / PATH).read_bytes()).hexdigest()
    trees = fetch([package(sha256)], errand, root=root)
    assert (trees["cuda_x"] / "bin/x").read_bytes() == b"tool"


def test_another_file_is_not_unpacked(root: str, errand: Errand) -> None:
    with pytest.raises(DigestError):
        fetch([package("0" * 64)], errand, root=root)
    assert list(errand.trees.iterdir()) == []


def test_a_host_out_of_reach_is_named(errand: Errand) -> None:
    with pytest.raises(UnreachableError, match=r"nowhere\.invalid"):
        fetch([package("0" * 64)], errand, root="https://nowhere.invalid/")
