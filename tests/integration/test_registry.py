"""Against Docker's own registry server, from Debian's package, with images pushed by hand."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from factory.errors import ImageError
from factory.image.pin import pin
from factory.image.registry import digest
from factory.matrix.imagename import ImageName
from factory.matrix.load import load as load_matrix
from factory.system import process as shell
from tests.frozen import MATRIX

pytestmark = pytest.mark.e2e_container

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
KINDS = {
    DOCKER: "application/vnd.docker.container.image.v1+json",
    OCI: "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json": DOCKER,
    "application/vnd.oci.image.index.v1+json": OCI,
}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("debian")
    got = shell.run(["apt-get", "download", "docker-registry"], cwd=here, timeout=120)
    assert got.ok, got.stderr
    unpacked = shell.run(["dpkg", "-x", *here.glob("docker-registry_*.deb"), here / "root"])
    assert unpacked.ok, unpacked.stderr
    return here / "root" / "usr" / "bin" / "docker-registry"


@pytest.fixture
def server(program: Path, tmp_path: Path) -> Iterator[str]:
    """Give ``127.0.0.1:PORT`` of an empty registry."""
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "store")}},
        "http": {"addr": "127.0.0.1:0"},
    }
    (tmp_path / "config.yml").write_text(json.dumps(settings))
    log = tmp_path / "log"
    process = shell.start([program, "serve", "config.yml"], cwd=tmp_path, env=os.environ, output=log)
    try:
        yield listening(log)
    finally:
        shell.end_group(process)


def listening(log: Path) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    pytest.fail(log.read_text())


def sha256(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def descriptor(body: bytes, kind: str) -> dict[str, object]:
    return {"mediaType": kind, "digest": sha256(body), "size": len(body)}


def push_blob(url: str, body: bytes) -> None:
    begun = requests.post(f"{url}/blobs/uploads/", timeout=10)
    done = requests.put(begun.headers["Location"], params={"digest": sha256(body)}, data=body, timeout=10)
    assert done.status_code == 201, done.text


def push(server: str, name: str, kind: str) -> str:
    """Push an image of one kind of manifest, and give the digest that the registry says it has."""
    repository, _, tag = name.partition(":")
    url = f"http://{server}/v2/{repository}"
    manifest = {"schemaVersion": 2, "mediaType": kind, **content(server, repository, tag, kind)}
    body = json.dumps(manifest, indent=3).encode()
    done = requests.put(f"{url}/manifests/{tag}", data=body, headers={"Content-Type": kind}, timeout=10)
    assert done.status_code == 201, done.text
    assert done.headers["Docker-Content-Digest"] == sha256(body)
    return sha256(body)


def content(server: str, repository: str, tag: str, kind: str) -> dict[str, object]:
    if kind in {DOCKER, OCI}:
        rootfs = {"type": "layers", "diff_ids": []}
        config = json.dumps({"architecture": "amd64", "os": "linux", "author": tag, "rootfs": rootfs}).encode()
        push_blob(f"http://{server}/v2/{repository}", config)
        return {"config": descriptor(config, KINDS[kind]), "layers": []}
    pushed = push(server, f"{repository}:in-{tag}", KINDS[kind])
    url = f"http://{server}/v2/{repository}/manifests/{pushed}"
    body = requests.get(url, headers={"Accept": KINDS[kind]}, timeout=10).content
    return {"manifests": [descriptor(body, KINDS[kind]) | {"platform": {"architecture": "amd64", "os": "linux"}}]}


@pytest.mark.parametrize("kind", KINDS)
def test_the_digest_of_each_kind_of_manifest(server: str, kind: str) -> None:
    pushed = push(server, "team/builder:cuda12.4", kind)
    image = ImageName.parse(f"{server}/team/builder:cuda12.4")
    assert digest(image, env={}) == pushed
    assert digest(ImageName.parse(f"{server}/team/builder@{pushed}"), env={}) == pushed


def test_a_tag_that_is_not_there(server: str) -> None:
    push(server, "team/builder:cuda12.4", OCI)
    with pytest.raises(ImageError) as caught:
        digest(ImageName.parse(f"{server}/team/builder:cuda12.6"), env={})
    assert caught.value.why == (f"{server} answers 404 Not Found: not there, or not for the public",)


def test_a_matrix_is_pinned_and_follows_a_tag_that_moves(server: str, tmp_path: Path) -> None:
    path = tmp_path / "matrix.yaml"
    text = re.sub(r"digest: sha256:\w+", "digest: null", MATRIX.read_text(encoding="utf-8"))
    cudas = [cuda for cuda, kit in load_matrix(text).toolkits.items() if kit.image]
    text = re.sub(r"(?<=name: )\S+:cuda([\d.]+)\"?", rf"{server}/team/builder:\1", text)
    path.write_text(text, encoding="utf-8")
    for kind in (DOCKER, OCI):
        pushed = [push(server, f"team/builder:{cuda}", kind) for cuda in cudas]
        assert len(set(pushed)) == len(cudas)
        pin(path, env={}, say=print)
        assert re.findall(r"digest: (sha256:\w+)", path.read_text(encoding="utf-8")) == pushed
