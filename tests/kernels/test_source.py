"""Against a real index: http.server over the simple API's directories, asked through pip's own variable."""

import functools
import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from factory.errors import DigestError, SourceError, UnreachableError
from factory.kernels.source import checked, fetch, unpack
from factory.matrix.model import FlashAttn
from tests.serving import serving

VERSION = "0.0.1"
FILENAME = f"flash_attn-{VERSION}.tar.gz"


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def sdist(*names: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(f"flash_attn-{VERSION}/{name}"))
    return packed.getvalue()


CONTENT = sdist("setup.py", "flash_attn/__init__.py", "flash_attn/cute/__init__.py")
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    project = tmp_path / "site" / "simple" / "flash-attn"
    project.mkdir(parents=True)
    (project / FILENAME).write_bytes(CONTENT)
    (project / "index.html").write_text(f'<a href="{FILENAME}">{FILENAME}</a>')
    return tmp_path / "site"


@pytest.fixture
def server(site: Path) -> Iterator[ThreadingHTTPServer]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))) as server:
        yield server


@pytest.fixture
def env(server: ThreadingHTTPServer) -> dict[str, str]:
    return {"PIP_INDEX_URL": f"http://me:secret@127.0.0.1:{server.server_port}/simple"}


def test_fetches_once_and_then_needs_no_index(tmp_path: Path, env: dict[str, str]) -> None:
    archive = fetch(VERSION, SHA256, cache=tmp_path / "cache", env=env)
    assert archive.name == FILENAME
    assert archive.read_bytes() == CONTENT
    assert fetch(VERSION, SHA256, cache=tmp_path / "cache", env={"PIP_INDEX_URL": "http://127.0.0.1:1/"}) == archive


def test_other_bytes_are_refused_and_not_kept(tmp_path: Path, site: Path, env: dict[str, str]) -> None:
    (site / "simple" / "flash-attn" / FILENAME).write_bytes(CONTENT + b"\0")
    with pytest.raises(DigestError, match=r"not the file matrix\.yaml names") as caught:
        fetch(VERSION, SHA256, cache=tmp_path / "cache", env=env)
    assert SHA256 in str(caught.value)
    assert "secret" not in str(caught.value)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.stat().st_size] == []


def test_a_version_the_index_lacks(tmp_path: Path, env: dict[str, str]) -> None:
    with pytest.raises(SourceError, match=r"has no flash_attn-9\.9\.tar\.gz") as caught:
        fetch("9.9", SHA256, cache=tmp_path / "cache", env=env)
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_index_without_the_project(tmp_path: Path, site: Path, env: dict[str, str]) -> None:
    (site / "simple" / "flash-attn").rename(site / "simple" / "flash-attn-4")
    with pytest.raises(SourceError, match="does not have flash-attn"):
        fetch(VERSION, SHA256, cache=tmp_path / "cache", env=env)


def test_a_page_without_its_file(tmp_path: Path, site: Path, env: dict[str, str]) -> None:
    (site / "simple" / "flash-attn" / FILENAME).unlink()
    with pytest.raises(UnreachableError, match="404") as caught:
        fetch(VERSION, SHA256, cache=tmp_path / "cache", env=env)
    assert "secret" not in str(caught.value)


def test_something_that_is_no_index(tmp_path: Path, site: Path, env: dict[str, str]) -> None:
    page = site / "simple" / "flash-attn" / "index.html"
    page.write_text('<meta name="pypi:repository-version" content="9.0">')
    with pytest.raises(UnreachableError, match="does not answer as a package index"):
        fetch(VERSION, SHA256, cache=tmp_path / "cache", env=env)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1/simple", "file:///nowhere", "nowhere", "http://[/"])
def test_an_index_that_is_not_there_is_named(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(UnreachableError) as caught:
        fetch(VERSION, SHA256, cache=tmp_path / "cache", env={"PIP_INDEX_URL": endpoint})
    assert endpoint in caught.value.what
    assert caught.value.remedy


def test_a_damaged_file_in_the_cache_is_found(tmp_path: Path, env: dict[str, str]) -> None:
    archive = fetch(VERSION, SHA256, cache=tmp_path / "cache", env=env)
    archive.write_bytes(CONTENT[:-1])
    with pytest.raises(DigestError, match="is damaged") as caught:
        fetch(VERSION, SHA256, cache=tmp_path / "cache", env=env)
    assert str(archive.parent) in caught.value.remedy


def test_the_sha256_of_another_version(tmp_path: Path, env: dict[str, str]) -> None:
    fetch(VERSION, SHA256, cache=tmp_path / "cache", env=env)
    with pytest.raises(SourceError, match="cannot have the sha256") as caught:
        fetch("0.0.2", SHA256, cache=tmp_path / "cache", env=env)
    assert FILENAME in str(caught.value)


def alter(path: Path) -> None:
    before = path.stat()
    path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()) or b" ")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda root: alter(root / "setup.py"), "setup.py"),
        (lambda root: (root / "setup.py").unlink(), "setup.py"),
        (lambda root: (root / "flash_attn" / "torch.h").touch(), "flash_attn/torch.h"),
        (lambda root: (root / "flash_attn" / "torch.h").symlink_to("/etc/passwd"), "flash_attn/torch.h"),
        (lambda root: (root / "setup.py").rename(root / "a") and (root / "setup.py").symlink_to("a"), "setup.py and 1"),
    ],
)
def test_a_tree_that_is_not_the_sdists_is_unpacked_anew(
    tmp_path: Path, env: dict[str, str], change: Callable[[Path], object], named: str
) -> None:
    release = FlashAttn(version=VERSION, sha256=SHA256, torch=(), on_request=(), leave_out=("flash_attn/cute",))
    said: list[str] = []
    root = checked(release, cache=tmp_path, env=env, say=said.append)
    assert checked(release, cache=tmp_path, env=env, say=said.append) == root
    assert said == []
    change(root)
    assert checked(release, cache=tmp_path, env=env, say=said.append) == root
    [line] = said
    assert f"holds ({named}" in line
    assert sorted(path.name for path in root.rglob("*")) == ["__init__.py", "flash_attn", "setup.py"]
    assert checked(release, cache=tmp_path, env=env, say=said.append) == root
    assert len(said) == 1


def unpacked(tmp_path: Path, content: bytes, *leave_out: str) -> Path:
    archive = tmp_path / FILENAME
    archive.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    return unpack(archive, sha256=sha256, leave_out=leave_out, cache=tmp_path / "cache")


def test_leaves_out_what_must_not_be_packed_beside_the_whole_one(tmp_path: Path) -> None:
    lean, whole = unpacked(tmp_path, CONTENT, "flash_attn/cute"), unpacked(tmp_path, CONTENT)
    assert sorted(path.name for path in (lean / "flash_attn").iterdir()) == ["__init__.py"]
    assert (whole / "flash_attn" / "cute" / "__init__.py").is_file()


@pytest.mark.parametrize(
    ("content", "leave_out", "message"),
    [
        (sdist("pyproject.toml"), (), r"no setup\.py"),
        (CONTENT[:60], (), "cannot be unpacked"),
        (CONTENT, ("flash_attn/cuet",), "has no directory flash_attn/cuet"),
        (CONTENT, ("setup.py",), r"has no directory setup\.py"),
    ],
    ids=["no setup.py", "cut short", "no such directory", "a file"],
)
def test_what_is_no_sdist_is_refused(tmp_path: Path, content: bytes, leave_out: tuple[str, ...], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        unpacked(tmp_path, content, *leave_out)
    assert [path for path in (tmp_path / "cache" / "sources").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("path", ["../../../victim", "/victim", ".", "", "flash_attn/../../../../victim"])
def test_nothing_outside_the_source_is_left_out(tmp_path: Path, path: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    with pytest.raises(ValueError, match="does not lead to something below"):
        unpacked(tmp_path, CONTENT, f"{tmp_path}{path}" if path == "/victim" else path)
    assert victim.is_dir()
