"""Without torch: what is asked of the installers, and what is said when they fail."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from factory.data import DATA
from factory.environment.environment import Installer
from factory.errors import DiskFullError, EnvironmentInstallError, UnreachableError
from factory.matrix.model import Torch, TorchBuild

PYTHON = f"3.{sys.version_info.minor}"
NOWHERE = "http://127.0.0.1:1/simple"
ALONE = {"PIP_CONFIG_FILE": "/dev/null", "PIP_RETRIES": "1", "UV_HTTP_RETRIES": "0", "UV_NO_CONFIG": "1"}


def torch(release: str, index_url: str | None) -> tuple[Torch, TorchBuild]:
    build = TorchBuild(
        cuda="12.4", cxx11abi=False, pythons=(PYTHON,), machines=("x86_64",), index_url=index_url, published=True
    )
    made = Torch(
        series=release.rpartition(".")[0],
        release=release,
        cxx_standard=17,
        setuptools=">=70.1,<82",
        builds=(build,),
    )
    return made, build


LOCKED = torch("2.6.0", None)
UNLOCKED = torch("2.4.1", "https://torch.example/whl/cu124")


@pytest.fixture(scope="module", autouse=True)
def unpacked_pip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let virtualenv unpack its pip once for all tests here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ALONE, "VIRTUALENV_OVERRIDE_APP_DATA", str(tmp_path_factory.mktemp("virtualenv")))
        patch.setitem(ALONE, "VIRTUALENV_SYMLINK_APP_DATA", "1")
        yield


def installer(tmp_path: Path, said: list[str] | None = None, env: Mapping[str, str] | None = None) -> Installer:
    (tmp_path / "bin").mkdir(exist_ok=True)
    base = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), **ALONE}
    return Installer(
        cache=tmp_path / "cache",
        env=base | dict(env or {}),
        interpreter=lambda _: Path(sys.executable),
        say=(said if said is not None else []).append,
    )


def fake_uv(tmp_path: Path, text: str = "") -> None:
    path = tmp_path / "bin" / "uv"
    path.parent.mkdir()
    path.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nfor last; do :; done\n'
        f'while IFS= read -r line; do echo "$line"; done < "$last" >> {tmp_path}/wanted\n{text}\n'
    )
    path.chmod(0o755)


def kept(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "cache" / "environments").iterdir() if path.is_dir()]


def test_a_lock_is_installed_whole_by_its_hashes_and_only_once(tmp_path: Path) -> None:
    fake_uv(tmp_path)
    said: list[str] = []
    made = installer(tmp_path, said).prepare(*LOCKED, PYTHON)
    assert made.python.is_file()
    assert made.site_packages.is_dir()
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    assert asked.startswith("pip install --python ")
    assert "--require-hashes --no-deps" in asked
    assert (tmp_path / "wanted").read_text() == (DATA / "locks" / "torch-2.6.0-cu124.txt").read_text()
    assert installer(tmp_path, said).prepare(*LOCKED, PYTHON) == made
    assert len((tmp_path / "asked").read_text().splitlines()) == len(said) == 1


def test_without_a_lock_torch_comes_first_and_from_its_own_index(tmp_path: Path) -> None:
    fake_uv(tmp_path)
    said: list[str] = []
    installer(tmp_path, said).prepare(*UNLOCKED, PYTHON)
    first, second = (tmp_path / "asked").read_text().splitlines()
    assert "--index-url https://torch.example/whl/cu124" in first
    assert "index" not in second
    wanted = (tmp_path / "wanted").read_text().splitlines()
    assert wanted[0] == "torch==2.4.1"
    assert {"ninja", "setuptools>=70.1,<82"} <= set(wanted[1:])
    assert "no lock file torch-2.4.1-cu124.txt" in said[1]


def test_pip_is_asked_where_there_is_no_uv_and_its_silence_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="index did not answer") as caught:
        installer(tmp_path, env={"PIP_INDEX_URL": NOWHERE}).prepare(*LOCKED, PYTHON)
    assert any("No matching distribution" in line for line in caught.value.why)
    assert "index-url" in caught.value.remedy
    assert kept(tmp_path) == []


def test_uv_finding_no_index_is_told_apart_too(tmp_path: Path) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    assert uv, "the test dependencies bring uv"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").symlink_to(uv)
    with pytest.raises(UnreachableError):
        installer(tmp_path, env={"UV_DEFAULT_INDEX": NOWHERE}).prepare(*LOCKED, PYTHON)


def test_an_index_without_the_version_is_no_network_trouble(tmp_path: Path) -> None:
    # What the caller has on PYTHONPATH must not pass for installed either.
    mine = tmp_path / "mine" / "torch-2.4.1.dist-info"
    mine.mkdir(parents=True)
    (mine / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.4.1\n")
    env = {"PYTHONPATH": str(mine.parent), "PIP_NO_INDEX": "1"}
    with pytest.raises(EnvironmentInstallError) as caught:
        installer(tmp_path, env=env).prepare(*torch("2.4.1", None), PYTHON)
    assert any("torch==2.4.1" in line for line in caught.value.why)
    assert caught.value.remedy


def test_a_full_disk(tmp_path: Path) -> None:
    fake_uv(tmp_path, "echo 'error: No space left on device (os error 28)' >&2; exit 2")
    with pytest.raises(DiskFullError, match="cache"):
        installer(tmp_path).prepare(*LOCKED, PYTHON)
    assert kept(tmp_path) == []
