from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from factory.errors import DigestError, UnreachableError
from factory.toolkit.debian import fetch, mirrors_here
from factory.toolkit.pins import Package
from factory.toolkit.source import Errand
from tests import smallapt

PATH = "pool/non-free/t/tool/tool_1_all.deb"
needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="asks this machine's own apt")


@pytest.fixture
def sha256(tmp_path: Path) -> str:
    """Makes a mirror with one real package; gives its hash."""
    (tmp_path / "p/usr").mkdir(parents=True)
    (tmp_path / "p/usr/tool").write_text("content")
    return smallapt.package(tmp_path / "p", tmp_path / "mirror" / PATH)


def errand(tmp_path: Path, *mirrors: Path) -> Errand:
    """An apt of our own, configured with ``mirrors`` and never updated, as in a fresh container."""
    env = smallapt.apt(tmp_path / "apt", *mirrors)
    (tmp_path / "trees").mkdir()
    (tmp_path / "downloads").mkdir()
    return Errand(env=env, downloads=tmp_path / "downloads", trees=tmp_path / "trees", say=lambda _: None)


def package(sha256: str) -> Package:
    return Package(source="debian", name="tool", version="1", sha256=sha256, size=1, path=PATH, take={"usr": "."})


@needs_apt
def test_a_package_comes_from_the_mirror_that_has_it(tmp_path: Path, sha256: str) -> None:
    trees = fetch([package(sha256)], errand(tmp_path, tmp_path / "empty", tmp_path / "mirror"))
    assert (trees["tool"] / "usr/tool").read_text() == "content"


@needs_apt
@pytest.mark.parametrize("place", ["downloads/tool_1_all.deb", "trees/tool.deb"])
def test_what_a_killed_download_left_does_no_harm(tmp_path: Path, sha256: str, place: str) -> None:
    there = errand(tmp_path, tmp_path / "mirror")
    (tmp_path / place).write_bytes((tmp_path / "mirror" / PATH).read_bytes()[:100])
    assert (fetch([package(sha256)], there)["tool"] / "usr/tool").read_text() == "content"


@needs_apt
def test_a_package_that_is_there_is_not_fetched_again(tmp_path: Path, sha256: str) -> None:
    there = errand(tmp_path, tmp_path / "empty")
    shutil.copy(tmp_path / "mirror" / PATH, tmp_path / "downloads")
    assert (fetch([package(sha256)], there)["tool"] / "usr/tool").read_text() == "content"


@needs_apt
def test_another_file_is_refused(tmp_path: Path, sha256: str) -> None:
    other = sha256[::-1]
    with pytest.raises(DigestError):
        fetch([package(other)], errand(tmp_path, tmp_path / "mirror"))
    assert list((tmp_path / "trees").iterdir()) == []


@needs_apt
def test_a_mirror_without_the_package_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="gave tool 1") as raised:
        fetch([package("0" * 64)], errand(tmp_path, tmp_path / "empty"))
    assert PATH in raised.value.why[0]


@needs_apt
def test_an_apt_without_mirrors_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="knows no Debian mirror"):
        fetch([package("0" * 64)], errand(tmp_path))


def test_a_machine_without_apt_is_told(tmp_path: Path) -> None:
    there = errand(tmp_path, tmp_path / "empty")
    without = Errand(env={"PATH": str(tmp_path)}, downloads=there.downloads, trees=there.trees, say=there.say)
    with pytest.raises(UnreachableError, match="knows no Debian mirror"):
        fetch([package("0" * 64)], without)


def test_the_mirrors_of_other_systems_are_not_asked(tmp_path: Path) -> None:
    program = tmp_path / "bin/apt-get"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf 'Ubuntu\\thttp://u.invalid/\\nDebian-Security\\thttp://s.invalid/\\n'\n")
    program.chmod(0o755)
    there = errand(tmp_path)
    other = Errand(env={"PATH": str(program.parent)}, downloads=there.downloads, trees=there.trees, say=there.say)
    with pytest.raises(UnreachableError, match="knows no Debian mirror"):
        fetch([package("0" * 64)], other)


@needs_apt
def test_a_machine_without_one_of_the_programs_is_told(tmp_path: Path) -> None:
    env = errand(tmp_path, tmp_path / "mirror").env
    assert mirrors_here(env) == (f"file:{tmp_path}/mirror/",)
    for name in ("apt-get", "apt-config"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    with pytest.raises(UnreachableError, match="dpkg-deb, which Debian packages are fetched with, is not there"):
        mirrors_here({**env, "PATH": str(tmp_path / "bin")})
