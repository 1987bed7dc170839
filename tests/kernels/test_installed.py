from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import SourceError
from factory.kernels import installed
from factory.kernels.sdist import read_excluded
from factory.matrix.load import load as load_matrix
from factory.matrix.model import FlashAttn
from factory.system.cache import cache_root
from tests.frozen import MATRIX
from tests.smallsdist import SDIST

RELEASES = load_matrix(MATRIX.read_bytes(), name="matrix.yaml").flash_attn
SETUP = (
    "from setuptools import find_packages, setup\nsetup(name='x', packages=find_packages(exclude=('tests', 'csrc')))\n"
)


def packed(path: Path, files: Mapping[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"flash_attn-1/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return path


def test_what_setuptools_finds_is_what_is_installed(tmp_path: Path) -> None:
    """Compared once with setuptools 81's own ``find_packages`` on the sdists of both releases: the same files."""
    there = ("flash_attn/__init__.py", "flash_attn/a.py", "flash_attn/ops/__init__.py", "hopper/__init__.py", "LICENSE")
    not_there = (
        *("flash_attn/a.cu", "flash_attn/none/a.py", "flash_attn/none/deep/__init__.py", "tests/__init__.py"),
        *("tests/test_a.py", "csrc/a/__init__.py", "csrc/a.py", "a.b/__init__.py", "README.md", "loose.py", "setup.py"),
    )
    files = {name: SETUP if name == "setup.py" else name for name in (*there, *not_there)}
    found = installed.of_sdist(packed(tmp_path / "x.tar.gz", files))
    assert found == {name: hashlib.sha256(name.encode()).hexdigest() for name in there}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = (",
        "setup(packages=['flash_attn'])",
        "setup(packages=find_packages('src'))",
        "setup(packages=find_packages(where='src'))",
        "setup(packages=find_packages(exclude=open('x').read()))",
        "setup(packages=find_packages(), scripts=['pip'])",
        "setup(packages=find_packages(), package_data={'': ['*.pth']})",
        "setup(packages=find_packages(), **more)",
        "setup(packages=find_packages())\nsetup(packages=find_packages())",
    ],
)
def test_a_setup_that_packs_in_another_way_is_refused(text: str) -> None:
    with pytest.raises(SourceError):
        read_excluded(text)


def test_the_small_sdist_is_read_too() -> None:
    assert read_excluded((SDIST / "setup.py").read_text()) == ("csrc",)


@pytest.mark.parametrize("release", RELEASES.values(), ids=str)
def test_a_known_release_needs_no_sdist(release: FlashAttn, tmp_path: Path) -> None:
    files = installed.installed(release, cache=tmp_path, env={"PIP_INDEX_URL": "http://127.0.0.1:1/"})
    assert {"flash_attn/__init__.py", "flash_attn/flash_attn_interface.py", "LICENSE"} <= files.keys()
    assert not [path for path in files if path.startswith("flash_attn/cute/")]
    assert list(tmp_path.iterdir()) == []


def test_the_list_of_another_sdist_is_read_from_that(tmp_path: Path) -> None:
    archive = packed(tmp_path / "x.tar.gz", {"setup.py": SETUP, "own/__init__.py": "", "left/__init__.py": ""})
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    release = replace(RELEASES["2.7.4.post1"], sha256=sha256, leave_out=("left",))
    place = tmp_path / "sdists" / sha256[:16] / f"flash_attn-{release.version}.tar.gz"
    place.parent.mkdir(parents=True)
    archive.replace(place)
    assert installed.installed(release, cache=tmp_path, env={}).keys() == {"own/__init__.py"}


@pytest.mark.parametrize("release", RELEASES.values(), ids=str)
def test_the_lists_are_those_of_the_sdists_that_the_cache_has(release: FlashAttn) -> None:
    cache = cache_root(dict(os.environ))
    archive = cache / "sdists" / release.sha256[:16] / f"flash_attn-{release.version}.tar.gz"
    if not archive.is_file():
        pytest.skip(f"the cache has no {archive.name}: a build fetches it")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == release.sha256
    text = installed.list_path(release).read_text(encoding="utf-8")
    assert text == installed.to_text(release, installed.of_sdist(archive))
