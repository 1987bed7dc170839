from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from factory.core.errors import DigestError, UnreachableError
from factory.core.toolkit_pins import Package
from factory.edge import shell
from factory.edge.toolkit.debian import fetch
from factory.edge.toolkit.source import Errand

PATH = "pool/non-free/t/tool/tool_1_all.deb"
needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="asks this machine's own apt")


@pytest.fixture
def sha256(tmp_path: Path) -> str:
    """Makes a mirror with one real package; gives its hash."""
    control = tmp_path / "p/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text("Package: tool\nVersion: 1\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: d\n")
    (tmp_path / "p/usr").mkdir()
    (tmp_path / "p/usr/tool").write_text("content")
    deb = tmp_path / "mirror" / PATH
    deb.parent.mkdir(parents=True)
    assert shell.run(["dpkg-deb", "--build", tmp_path / "p", deb]).ok
    return hashlib.sha256(deb.read_bytes()).hexdigest()


def errand(tmp_path: Path, *mirrors: Path) -> Errand:
    """An apt of our own, configured with ``mirrors`` and never updated, as in a fresh container."""
    apt = tmp_path / "apt"
    for part in ("etc/apt.conf.d", "etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True)
    (apt / "sources.list").write_text("".join(f"deb [trusted=yes] file:{path} sid main\n" for path in mirrors))
    (apt / "apt.conf").write_text(
        f'Dir::Etc "{apt}/etc";\nDir::Etc::sourcelist "{apt}/sources.list";\nDir::Etc::sourceparts "-";\n'
        f'Dir::State "{apt}/state";\nDir::Cache "{apt}/cache";\n'
    )
    (tmp_path / "trees").mkdir()
    (tmp_path / "downloads").mkdir()
    env = {"PATH": os.environ["PATH"], "APT_CONFIG": str(apt / "apt.conf")}
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
