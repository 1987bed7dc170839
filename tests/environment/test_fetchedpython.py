"""The real uv against a mirror on this machine, which serves the Python that runs this as uv's own are served."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import signal
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from factory.environment import fetchedpython
from factory.environment.interpreter import find, provide
from factory.errors import DigestError, DiskFullError, InterpreterError, UnreachableError
from factory.image import pythontree
from factory.image.layout import python_home
from factory.image.pythontree import PythonTree
from factory.system import process as shell
from tests.serving import serving

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
ARCHIVE = "/python.tar.gz"
PROVIDE = """
import json, sys
from factory.environment.interpreter import provide
provide(sys.argv[1], json.loads(sys.argv[2]), print)
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    root = tmp_path_factory.mktemp("python")
    pythontree.copy(PythonTree(version=HERE, prefix=Path(sys.base_prefix)), root)
    with tarfile.open(root / "python.tar.gz", "w:gz", compresslevel=1) as made:
        made.add(root / python_home(HERE).relative_to("/"), "python")
    return (root / "python.tar.gz").read_bytes()


class Mirror(ThreadingHTTPServer):
    """Serves ``archive`` and the list that has it; the archive's second half waits for ``go``."""

    def __init__(self, archive: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.archive = archive
        self.sha256 = hashlib.sha256(archive).hexdigest()
        self.machine = platform.machine()
        self.asked: list[str] = []
        self.go = threading.Event()
        self.go.set()

    @property
    def listed(self) -> bytes:
        name = f"cpython-{platform.python_version()}-linux-{self.machine}-gnu"
        row = {
            "name": "cpython",
            "arch": {"family": self.machine, "variant": None},
            "os": "linux",
            "libc": "gnu",
            **dict(zip(("major", "minor", "patch"), sys.version_info[:3], strict=True)),
            "prerelease": "",
            "url": f"http://127.0.0.1:{self.server_port}{ARCHIVE}",
            "sha256": self.sha256,
            "variant": None,
            "build": "20260101",
        }
        return json.dumps({name: row}).encode()


class Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.archive if self.path == ARCHIVE else self.server.listed
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2 if self.path == ARCHIVE else len(body)
        try:
            self.wfile.write(body[:half])
            self.server.go.wait()
            self.wfile.write(body[half:])
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def mirror(archive: bytes) -> Iterator[Mirror]:
    with serving(Mirror(archive)) as server:
        yield server
        server.go.set()


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A machine without any Python that could be found: uv is beside the one that runs this."""
    monkeypatch.chdir(tmp_path)  # uv finds the environment of the directory it is called in
    return {"PATH": "/none", "HOME": str(tmp_path / "home"), "FACTORY_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def env(bare: dict[str, str], mirror: Mirror) -> dict[str, str]:
    return {**bare, "UV_PYTHON_DOWNLOADS_JSON_URL": f"http://127.0.0.1:{mirror.server_port}/downloads.json"}


def kept(env: dict[str, str]) -> list[str]:
    return [path.name for path in Path(env["FACTORY_CACHE"], "pythons").iterdir() if not path.name.startswith(".")]


def test_one_for_another_machine_is_fetched_for_its_headers_and_is_no_python_of_this_one(
    env: dict[str, str], mirror: Mirror
) -> None:
    mirror.machine = "aarch64"
    said: list[str] = []
    uv = fetchedpython.fetcher(HERE, env, [])
    made = fetchedpython.fetch(HERE, uv, env, said.append, machine="aarch64")
    assert (made.parent.parent / "include" / f"python{HERE}" / "Python.h").is_file()
    assert said == [f"Python {HERE} for aarch64 is not on this machine: uv fetches it"]
    assert fetchedpython.kept(HERE, env) is None


def test_what_is_not_here_is_fetched_once_and_found_from_then_on(env: dict[str, str], mirror: Mirror) -> None:
    said: list[str] = []
    with pytest.raises(InterpreterError):
        find(HERE, env)
    assert mirror.asked == [], "looking fetches nothing"
    made = provide(HERE, env, said.append)
    assert shell.run([made, "-I", "-c", "import sys; print(sys.base_prefix)"]).stdout.strip() == str(made.parents[1])
    assert made.is_relative_to(env["FACTORY_CACHE"])
    assert said == [f"Python {HERE} is not on this machine: uv fetches it"]
    assert find(HERE, env) == find(HERE, env | {"UV": "/none"}) == provide(HERE, env, said.append) == made
    assert len(said) == mirror.asked.count(ARCHIVE) == 1
    assert not Path(env["HOME"], ".local").exists(), "uv's own place and the user's programs are left alone"


def test_what_has_another_hash_is_not_kept(env: dict[str, str], mirror: Mirror) -> None:
    mirror.sha256 = "0" * 64
    with pytest.raises(DigestError) as caught:
        provide(HERE, env, print)
    assert "0" * 64 in caught.value.why
    assert kept(env) == []


def test_of_two_builds_one_fetches(env: dict[str, str], mirror: Mirror) -> None:
    mirror.go.clear()
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if "another build is fetching" in line:
            mirror.go.set()

    with ThreadPoolExecutor(2) as builds:
        first, second = builds.map(lambda _: provide(HERE, env, say), range(2))
    assert first == second
    assert len(said) == 2
    assert mirror.asked.count(ARCHIVE) == 1


def test_what_a_killed_fetch_left_is_not_believed(env: dict[str, str], mirror: Mirror, tmp_path: Path) -> None:
    mirror.go.clear()
    command = [sys.executable, "-c", PROVIDE, HERE, json.dumps(env)]
    process = shell.start(command, cwd=tmp_path, env=os.environ, output=tmp_path / "output")
    until = time.monotonic() + 60
    while ARCHIVE not in mirror.asked and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = kept(env)
    assert len(left) == 1, (tmp_path / "output").read_text()
    with pytest.raises(InterpreterError):
        find(HERE, env)
    mirror.go.set()
    made = provide(HERE, env, print)
    assert sorted(kept(env)) == sorted([made.parents[2].name, f"python{HERE}"])
    assert left[0] not in kept(env)


def test_a_link_to_what_is_gone_is_made_anew(env: dict[str, str]) -> None:
    link = Path(env["FACTORY_CACHE"], "pythons", f"python{HERE}")
    link.parent.mkdir(parents=True)
    link.symlink_to("gone")
    assert provide(HERE, env, print) == link.resolve()


def test_a_python_that_does_not_run_here_is_said_so(bare: dict[str, str]) -> None:
    link = Path(bare["FACTORY_CACHE"], "pythons", "python3.10")
    link.parent.mkdir(parents=True)
    link.write_text("#!/bin/sh\necho 'GLIBC_2.99 not found' >&2; exit 1\n")
    link.chmod(0o755)
    with pytest.raises(InterpreterError, match="does not run here") as caught:
        provide("3.10", bare, print)
    assert caught.value.why[0].endswith("GLIBC_2.99 not found")


@pytest.mark.parametrize(
    "setting",
    [
        {"UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:1"},
        {"UV_PYTHON_DOWNLOADS_JSON_URL": "http://127.0.0.1:1/downloads.json"},
        {"UV_OFFLINE": "1"},
    ],
)
def test_without_a_network_the_command_for_later_is_named(bare: dict[str, str], setting: dict[str, str]) -> None:
    began = time.monotonic()
    with pytest.raises(UnreachableError) as caught:
        provide("3.10", {**bare, "UV_HTTP_RETRIES": "0", **setting}, print)
    assert time.monotonic() - began < 15
    assert "uv python install 3.10" in caught.value.remedy
    assert any("Connection refused" in line or "connectivity is disabled" in line for line in caught.value.why)
    assert any(line.startswith("looked on PATH") for line in caught.value.why)
    assert kept(bare) == []


@pytest.mark.parametrize("setting", ["never", "manual"])
def test_what_the_user_forbade_is_not_fetched(env: dict[str, str], mirror: Mirror, setting: str) -> None:
    with pytest.raises(InterpreterError, match="not to fetch it unasked") as caught:
        provide(HERE, env | {"UV_PYTHON_DOWNLOADS": setting}, print)
    assert f"UV_PYTHON_DOWNLOADS={setting}" in caught.value.why
    assert mirror.asked == []
    remedy = caught.value.remedy.removeprefix("Type: ")
    done = shell.run(["/bin/sh", "-c", remedy], env=env | {"UV_PYTHON_DOWNLOADS": setting})
    assert done.ok, done.stderr
    assert find(HERE, env).is_relative_to(env["HOME"])


def test_what_uv_s_own_settings_forbid(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "uv.toml").write_text('python-downloads = "never"\n')
    with pytest.raises(InterpreterError, match="not to fetch it unasked") as caught:
        provide(HERE, env, print)
    assert "UV_PYTHON_DOWNLOADS=manual" in caught.value.remedy


def test_a_version_that_uv_does_not_know(env: dict[str, str]) -> None:
    with pytest.raises(InterpreterError, match=r"uv has no Python 3\.4") as caught:
        provide("3.4", env, print)
    assert any("No download found" in line for line in caught.value.why)
    assert kept(env) == []


def test_without_uv_the_command_that_brings_it_is_named(bare: dict[str, str]) -> None:
    with pytest.raises(InterpreterError, match="no uv to fetch it") as caught:
        provide("3.10", bare | {"UV": "/none"}, print)
    assert "the variable UV names /none" in caught.value.why
    assert caught.value.remedy == f"Type: {sys.executable} -m pip install uv"


def test_a_full_disk(bare: dict[str, str], tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'error: No space left on device (os error 28)' >&2; exit 2\n")
    uv.chmod(0o755)
    with pytest.raises(DiskFullError, match=r"Python 3\.10"):
        provide("3.10", bare | {"UV": str(uv)}, print)
    assert kept(bare) == []
