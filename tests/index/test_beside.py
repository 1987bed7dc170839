"""The einops that is served, from the package index this machine is configured for."""

from __future__ import annotations

import io
import os
import re
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata, parse_email

from factory.data import DATA
from factory.errors import DigestError
from factory.index import beside
from factory.kernels import source
from factory.matrix.load import load
from factory.system.cache import cache_root
from tests.frozen import MATRIX

(EINOPS,) = beside.known()
MATRIX_ITSELF = load(MATRIX.read_bytes())
NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:1/"}


def test_it_is_what_flash_attn_requires_with_its_licence() -> None:
    content = beside.fetch(EINOPS, cache=cache_root(os.environ), env=os.environ)
    assert len(content) == EINOPS.size
    archive = zipfile.ZipFile(io.BytesIO(content))
    (metadata,) = (archive.read(name) for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    said = Metadata.from_email(metadata, validate=False)
    assert (said.name, str(said.requires_python), said.requires_dist) == ("einops", EINOPS.requires_python, None)
    assert EINOPS.filename == f"{said.name}-{said.version}-py3-none-any.whl"
    assert [name for name in archive.namelist() if name.endswith("LICENSE")]


@pytest.mark.parametrize("version", sorted(MATRIX_ITSELF.flash_attn))
def test_flash_attn_requires_nothing_else_than_torch_and_what_is_served(version: str) -> None:
    release = MATRIX_ITSELF.flash_attn[version]
    archive = source.fetch(version, release.sha256, cache=cache_root(os.environ), env=os.environ)
    with tarfile.open(archive) as tar:
        said = tar.extractfile(f"flash_attn-{version}/PKG-INFO")
        assert said is not None
        required = parse_email(said.read())[0]["requires_dist"]
    assert set(required) == {"torch", *(one.project for one in beside.known())}


def test_it_is_kept_and_a_damaged_one_is_not_served(tmp_path: Path) -> None:
    content = beside.fetch(EINOPS, cache=cache_root(os.environ), env=os.environ)
    kept = tmp_path / "beside" / EINOPS.sha256[:16] / EINOPS.filename
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    assert beside.fetch(EINOPS, cache=tmp_path, env=NOWHERE) == content
    kept.write_bytes(content[:-1])
    with pytest.raises(DigestError, match="is damaged"):
        beside.fetch(EINOPS, cache=tmp_path, env=NOWHERE)


def test_environments_are_locked_to_the_same_file() -> None:
    locks = [path.read_text(encoding="utf-8") for path in (DATA / "locks").glob("torch-*.txt")]
    version = re.escape(EINOPS.filename.split("-")[1])
    locked = [row for lock in locks for row in re.findall(rf"^einops=={version} (?:.*\\\n)+.*$", lock, re.MULTILINE)]
    assert locked
    assert all(EINOPS.sha256 in row for row in locked)
