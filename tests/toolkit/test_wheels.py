from __future__ import annotations

import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from factory.errors import DigestError, UnreachableError
from factory.system import process
from factory.toolkit import wheels
from factory.toolkit.pins import Package
from factory.toolkit.source import Errand


@pytest.fixture(scope="session")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    home = tmp_path_factory.mktemp("pip") / "env"
    assert process.run([sys.executable, "-m", "virtualenv", "--no-periodic-update", home]).ok
    return wheels.with_pip(str(home / "bin/python"))


@pytest.fixture
def uv() -> Sequence[str]:
    program = shutil.which("uv", path=f"{os.environ['PATH']}:{Path(sys.executable).parent}")
    assert program is not None
    return wheels.with_uv(program)


@pytest.fixture(params=["pip", "uv"])
def command(request: pytest.FixtureRequest) -> Sequence[str]:
    found: Sequence[str] = request.getfixturevalue(request.param)
    return found


def wheel(directory: Path, name: str, member: str) -> Package:
    """Write a wheel with one program and give its pin."""
    path, info = directory / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": f"{member},,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        program = zipfile.ZipInfo(member)
        program.external_attr = 0o100755 << 16
        archive.writestr(program, "#!/bin/sh\n")
        for place, text in files.items():
            archive.writestr(place, text)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Package(source="index", name=name, version="1.0", sha256=sha256, size=1, take={"nvidia": "."})


@pytest.fixture
def errand(tmp_path: Path) -> Errand:
    """An index of two wheels that share a directory, and no other."""
    (tmp_path / "trees").mkdir()
    (tmp_path / "index").mkdir()
    (tmp_path / "uv.toml").write_text(f'no-index = true\nfind-links = ["{tmp_path / "index"}"]\n')
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "index"),
        "UV_CONFIG_FILE": str(tmp_path / "uv.toml"),
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
    }
    return Errand(env=env, downloads=tmp_path / "downloads", trees=tmp_path / "trees", say=lambda _: None)


def fetch(packages: Sequence[Package], errand: Errand, command: Sequence[str]) -> Mapping[str, Path]:
    return wheels.fetch(packages, errand, installer=lambda _: command)


def test_wheels_that_share_a_directory_come_into_one_tree(
    tmp_path: Path, errand: Errand, command: Sequence[str]
) -> None:
    packages = [wheel(tmp_path / "index", "one", "nvidia/bin/one"), wheel(tmp_path / "index", "two", "nvidia/bin/two")]
    trees = fetch(packages, errand, command)
    for name in ("one", "two"):
        assert os.access(trees[name] / "nvidia/bin" / name, os.X_OK)


def test_another_wheel_is_refused(tmp_path: Path, errand: Errand, command: Sequence[str]) -> None:
    package = wheel(tmp_path / "index", "one", "nvidia/bin/one").model_copy(update={"sha256": "0" * 64})
    with pytest.raises(DigestError):
        fetch([package], errand, command)
    assert not (errand.trees / "index" / "nvidia").exists()


def test_a_wheel_the_index_does_not_have_is_named(tmp_path: Path, errand: Errand, command: Sequence[str]) -> None:
    package = wheel(tmp_path, "absent", "nvidia/bin/one")
    with pytest.raises(UnreachableError) as raised:
        fetch([package], errand, command)
    assert any("absent" in line for line in raised.value.why)


def test_one_of_the_two_is_found_here(errand: Errand) -> None:
    assert "install" in wheels.choose(errand.env)
