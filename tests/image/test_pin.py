"""On copies of a matrix.yaml whose images are in registries on this machine."""

from __future__ import annotations

import itertools
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.errors import FactoryError, ImageError, MatrixError, UnreachableError
from factory.image.pin import pin
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Image
from tests.frozen import MATRIX
from tests.smallregistry import DIGEST, MANIFEST, Registry, registry

TEXT = MATRIX.read_text(encoding="utf-8")
IMAGES = [(cuda, one) for cuda, kit in load_matrix(TEXT).toolkits.items() for one in kit.every_image.values()]
CUDAS = [cuda for cuda, _ in IMAGES]
OLD = "sha256:" + "01" * 32


@pytest.fixture
def server() -> Iterator[Registry]:
    with registry() as server:
        yield server


def text_with(*names: str, digest: str = "null") -> str:
    """Give the matrix with images of these names for its first CUDA releases, and a local one for the rest."""
    text = re.sub(r"digest: (null|sha256:\w+)", f"digest: {digest}", TEXT)
    images = [image for _, image in IMAGES]
    for image, name in itertools.zip_longest(images, names, fillvalue="localhost/builder:1"):
        assert isinstance(image, Image)
        text = re.sub(rf'"?{re.escape(image.name)}"?', f'"{name}"', text)
    return text


def digests(path: Path) -> list[str | None]:
    kits = load_matrix(path.read_text()).toolkits.values()
    return [image.digest for kit in kits for image in kit.every_image.values()]


def run(path: Path, text: str) -> tuple[list[str], FactoryError | None]:
    """Pin and give what was said of images that are not local, and how it ended."""
    path.write_bytes(text.encode())
    said: list[str] = []
    error = None
    try:
        pin(path, env={}, say=said.append)
    except FactoryError as raised:
        error = raised
    assert len(said) == len(CUDAS)
    return [line for line in said if "localhost/builder" not in line], error


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_each_image_gets_the_digest_of_its_own_tag(server: Registry, tmp_path: Path) -> None:
    server.manifests["team/image:other"] = MANIFEST + b"\n"
    path, names = tmp_path / "matrix.yaml", [f"{server.name}/team/image:tag", f"{server.name}/team/image:other"]
    said, error = run(path, text_with(*names))
    found = digests(path)
    assert error is None
    assert found[0] == DIGEST
    assert found[1] not in {None, DIGEST}
    assert said == [
        f"CUDA {cuda}: {name} is now {digest}" for cuda, name, digest in zip(CUDAS, names, found, strict=False)
    ]
    assert re.sub(r"digest: sha256:\w+", "digest: null", path.read_text()) == text_with(*names)


def test_an_older_digest_is_replaced_and_the_same_one_kept(server: Registry, tmp_path: Path) -> None:
    path = tmp_path / "matrix.yaml"
    said, error = run(path, text_with(f"{server.name}/team/image:tag", digest=OLD))
    assert (len(said), error) == (1, None)
    assert digests(path) == [DIGEST, *[OLD] * (len(CUDAS) - 1)]
    again, error = run(path, path.read_text())
    assert (again, error) == ([f"CUDA 12.4: {server.name}/team/image:tag still is {DIGEST}"], None)


def test_what_cannot_be_had_stays_and_the_others_are_done(server: Registry, tmp_path: Path) -> None:
    path, closed = tmp_path / "matrix.yaml", closed_port()
    names = [f"{closed}/image:1", f"{server.name}/team/image:missing", f"{server.name}/team/image:tag"]
    said, error = run(path, text_with(*names))
    assert isinstance(error, UnreachableError)
    assert error.what == f"2 of {len(CUDAS)} images stay as they were in matrix.yaml"
    assert [line.partition(" cannot")[0] for line in error.why] == [
        closed,
        f"{names[1]} is not to be had: {server.name} answers 404 Not Found: not there, or not for the public",
    ]
    assert "nox -s pin" in error.remedy
    assert said[0].startswith(f"CUDA 12.4: {names[0]} is not pinned: {closed} cannot be asked: ")
    assert said[1].startswith(f"CUDA 12.6: {names[1]} is not pinned: ")
    assert digests(path)[:4] == [None, None, DIGEST, None]


def test_where_all_registries_answer_the_failure_is_the_image_s(server: Registry, tmp_path: Path) -> None:
    path = tmp_path / "matrix.yaml"
    said, error = run(path, text_with(f"{server.name}/team/image:missing", digest=OLD))
    assert isinstance(error, ImageError)
    assert f"missing stays {OLD}: " in said[0]
    assert path.read_text() == text_with(f"{server.name}/team/image:missing", digest=OLD)


def test_a_registry_that_fails_is_asked_once(server: Registry, tmp_path: Path) -> None:
    path, names = tmp_path / "matrix.yaml", [f"{server.name}/team/image:{tag}" for tag in ("tag", "other", "third")]
    server.answers["/v2/team/image/manifests/tag"] = lambda handler: handler.say(b"", status=503)
    said, error = run(path, text_with(*names))
    assert isinstance(error, UnreachableError)
    assert len(error.why) == 1
    assert len(said) == 3
    assert len(server.asked) == 1


def test_images_that_no_registry_need_be_asked_for_are_left_alone(tmp_path: Path) -> None:
    path, name = tmp_path / "matrix.yaml", f"nowhere.invalid/image@{OLD}"
    said, error = run(path, text_with(name))
    assert (said, error) == ([f"CUDA 12.4: {name} has its digest in its name"], None)
    assert path.read_text() == text_with(name)


def test_names_that_are_none_are_all_told_and_nobody_is_asked(server: Registry, tmp_path: Path) -> None:
    path = tmp_path / "matrix.yaml"
    path.write_text(text_with("Not An Image", f"{server.name}/team/image:tag", "a//b"))
    with pytest.raises(MatrixError) as caught:
        pin(path, env={}, say=print)
    assert [line.split()[1] for line in caught.value.why] == ["cuda.12.4.image.name:", "cuda.12.8.image.name:"]
    assert server.asked == []


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", TEXT.encode("utf-16"), b"cuda: {}"])
def test_a_file_that_is_no_matrix_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "matrix.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MatrixError, match=r"matrix\.yaml"):
        pin(path, env={}, say=print)


def test_the_file_keeps_its_mode_and_its_link(server: Registry, tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "matrix.yaml"
    real.touch(mode=0o640)
    link.symlink_to(real)
    assert run(link, text_with(f"{server.name}/team/image:tag"))[1] is None
    assert link.is_symlink()
    assert DIGEST in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["matrix.yaml", "real.yaml"]
