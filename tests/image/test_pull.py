"""With a program in Podman's place that has no image until it is pulled, and says what Podman 4 and Docker 28 say."""

from pathlib import Path

import pytest

from factory.errors import DiskFullError, EngineError, FactoryError, ImageError, UnreachableError
from factory.image.engine import Engine
from factory.image.pull import ensure
from factory.matrix.model import Image

REMOTE = Image(name="docker.io/example/builder:cuda12.4", digest=None, promise="manylinux_2_28")
LOCAL = Image(name="localhost/builder:cuda12.4", digest=None, promise="manylinux_2_36")
NO_HOST = (
    "Error: initializing source docker://example/builder:cuda12.4: pinging container registry registry-1.docker.io: "
    'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 10.0.0.1:53: no such host'
)
NO_ACCESS = "pull access denied for example/builder, repository does not exist or may require 'docker login'"
NO_TAG = "Error: reading manifest cuda12.4 in docker.io/example/builder: manifest unknown"
NO_SPACE = "Error: writing blob: storing blob to file: write /var/tmp/storage1/1: no space left on device"
NO_START = "Error: OCI runtime error: crun: the requested cgroup controller `pids` is not available"


def engine(directory: Path, *, here: bool, pull: str = "", start: str = "", platform: str = "linux/amd64") -> Engine:
    """Make an engine; ``pull`` and ``start`` are what it complains of when asked to do so."""
    if here:
        (directory / "here").touch()
    program = directory / "podman"
    program.write_text(f"""#!/bin/sh
case "$1" in
  image) test -e {directory}/here && echo {platform} ;;
  pull) echo pulled >> {directory}/pulls; cat {directory}/pull-says >&2; test -s {directory}/pull-says && exit 125
        touch {directory}/here ;;
  run) cat {directory}/start-says >&2; test -s {directory}/start-says && exit 126 || exit 0 ;;
esac
""")
    (directory / "pull-says").write_text(pull)
    (directory / "start-says").write_text(start)
    program.chmod(0o755)
    env = {"PATH": "/usr/bin:/bin"}
    return Engine(name="podman", path=program, version="4.3.1", rootless=False, architecture="amd64", env=env)


def test_an_image_that_is_here_is_not_fetched(tmp_path: Path) -> None:
    ensure(REMOTE, engine(tmp_path, here=True), lambda _: None)
    assert not (tmp_path / "pulls").exists()


def test_an_image_that_is_not_here_is_fetched_once(tmp_path: Path) -> None:
    said: list[str] = []
    made = engine(tmp_path, here=False)
    ensure(REMOTE, made, said.append)
    ensure(REMOTE, made, said.append)
    assert (tmp_path / "pulls").read_text() == "pulled\n"
    assert said == ["fetching the image docker.io/example/builder:cuda12.4: once, some gigabytes"]


@pytest.mark.parametrize(
    ("says", "kind", "remedy"),
    [
        (NO_HOST, UnreachableError, "--backend host"),
        (NO_ACCESS, ImageError, "login"),
        (NO_TAG, ImageError, "matrix.yaml"),
        (NO_SPACE, DiskFullError, "prune"),
    ],
)
def test_what_a_registry_refuses_is_told_apart(
    tmp_path: Path, says: str, kind: type[FactoryError], remedy: str
) -> None:
    with pytest.raises(kind) as caught:
        ensure(REMOTE, engine(tmp_path, here=False, pull=says), lambda _: None)
    assert says in caught.value.why
    assert remedy in caught.value.remedy


def test_a_local_image_is_made_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no registry has it") as caught:
        ensure(LOCAL, engine(tmp_path, here=False), lambda _: None)
    assert "nox -s image" in caught.value.remedy
    assert not (tmp_path / "pulls").exists()


def test_an_image_for_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is for linux/arm64, not for linux/amd64"):
        ensure(REMOTE, engine(tmp_path, here=True, platform="linux/arm64"), lambda _: None)


@pytest.mark.parametrize(("says", "kind"), [(NO_START, EngineError), (NO_SPACE, DiskFullError)])
def test_an_engine_that_cannot_start_shows_before_the_build(
    tmp_path: Path, says: str, kind: type[FactoryError]
) -> None:
    with pytest.raises(kind) as caught:
        ensure(REMOTE, engine(tmp_path, here=True, start=says), lambda _: None)
    assert says in caught.value.why
