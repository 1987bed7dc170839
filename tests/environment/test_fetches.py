"""What real installers fetch from a real server is shown."""

import contextlib
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from factory.environment import fetches
from factory.system import transfers
from factory.system.process import Completed
from tests.serving import serving

NAME = "large-1-py3-none-any.whl"
SIZE = 3 << 20


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("served")
    with zipfile.ZipFile(directory / NAME, "w") as wheel:
        wheel.writestr("large.bin", os.urandom(SIZE))
        wheel.writestr("large-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: large\nVersion: 1\n")
        wheel.writestr("large-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("large-1.dist-info/RECORD", "")
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=directory))) as server:
        yield f"http://127.0.0.1:{server.server_port}/{NAME}"


def shown(words: Sequence[str | Path]) -> tuple[Completed, list[str], list[tuple[object, ...]]]:
    said: list[str] = []
    told: list[tuple[object, ...]] = []

    @contextlib.contextmanager
    def show(name: str, size: int | None) -> Iterator[Callable[[int], object]]:
        yield lambda done: told.append((name, size, done))
        told.append((name, "over"))

    with transfers.shown(show):
        done = fetches.run(words, env={**os.environ, "NO_COLOR": "1"}, say=said.append)
    return done, said, told


def test_bytes_of_pip_are_told(url: str, tmp_path: Path) -> None:
    pip: list[str | Path] = [sys.executable, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    words = [*pip, *fetches.BYTES, "--no-deps", "--no-index", "--no-cache-dir", "--target", tmp_path, url]
    done, said, told = shown(words)
    assert done.ok, done.stdout
    assert done.stdout == ""
    assert len(said) == 1
    assert said[0].startswith(f"fetching {NAME}, 3.1 MB")
    sizes = [size for name, size, *_ in told if size != "over"]
    assert len(told) >= 3
    assert {name for name, *_ in told} == {NAME}
    assert len({*sizes}) == 1
    assert told[-2][2] == sizes[0] >= SIZE  # type: ignore[operator]
    assert told[-1] == (NAME, "over")


def test_what_uv_begins_is_told(url: str, tmp_path: Path) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    assert uv, "the test dependencies bring uv"
    words: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--no-cache",
        "--target",
        tmp_path / "there",
        url,
    ]
    done, said, _ = shown([*words, "--python", sys.executable])
    assert done.ok, done.stdout
    assert done.stdout == ""
    assert said == ["fetching large, 3.0MiB"]


def test_what_goes_wrong_is_kept_and_the_rest_is_not(tmp_path: Path) -> None:
    done, said, told = shown([sys.executable, "-I", "-m", "pip", "install", "--no-index", "no-such-project"])
    assert not done.ok
    assert any("no-such-project" in line for line in done.stdout.splitlines())
    assert (said, told) == ([], [])
    assert shown([tmp_path / "gone"])[0].status == 127
