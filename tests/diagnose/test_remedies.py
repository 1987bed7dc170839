"""Remedies that are run: the failure first, its diagnosis, then what it says to do."""

import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.system import process
from factory.system.process import Completed
from tests.diagnose.corpus import told

UV = Path(sys.executable).with_name("uv")
# Upstream's setup.py moves the wheel that it fetched from where it runs to where it was asked for.
SETUP = """
import os
from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
class Fetched(bdist_wheel):
    def run(self):
        os.makedirs(self.dist_dir, exist_ok=True)
        os.rename("fetched.whl", os.path.join(self.dist_dir, "flash_attn-2.8.3-py3-none-any.whl"))
setup(name="flash-attn", version="2.8.3", py_modules=[], cmdclass={"bdist_wheel": Fetched})
"""
TORCH = "import torch\nfrom setuptools import setup\nsetup(name='flash-attn', version='1', py_modules=[])\n"


def install(source: Path, target: Path, *options: str, **environment: str) -> Completed:
    argv: list[str | Path] = [
        UV,
        "pip",
        "install",
        "--python",
        sys.executable,
        "--target",
        target,
        "--no-deps",
        "--no-index",
        *options,
    ]
    return process.run([*argv, source], env={**os.environ, **environment}, timeout=60)


def wheel(path: Path) -> Path:
    """Write a wheel of flash-attn for any Python."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("flash_attn/__init__.py", "")
        info = "flash_attn-2.8.3.dist-info"
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: flash_attn\nVersion: 2.8.3\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A directory on another file system."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as path:
        yield Path(path)


def test_what_could_not_be_moved(tmp_path: Path, elsewhere: Path) -> None:
    assert elsewhere.stat().st_dev != tmp_path.stat().st_dev
    (elsewhere / "source").mkdir()
    (elsewhere / "source" / "setup.py").write_text(SETUP)
    wheel(elsewhere / "source" / "fetched.whl")
    options = ("--no-build-isolation",)
    failed = install(elsewhere / "source", tmp_path / "there", *options, UV_CACHE_DIR=str(tmp_path / "cache"))
    found = told((failed.stdout + failed.stderr).encode())
    assert found.cause == "cross_device"
    assert "--no-cache-dir" in found.text
    assert "TMPDIR" in found.text
    mended = install(elsewhere / "source", tmp_path / "there", *options, "--no-cache-dir", TMPDIR=str(elsewhere))
    assert mended.ok, mended.stderr


def test_a_file_that_a_browser_renamed(tmp_path: Path) -> None:
    renamed = wheel(tmp_path / "flash_attn-2.8.3-py3-none-any (1).whl")
    failed = install(renamed, tmp_path / "there")
    found = told((failed.stdout + failed.stderr).encode())
    assert (failed.ok, found.cause) == (False, "file_name")
    assert "under the name it was published with" in found.text
    assert install(renamed.rename(tmp_path / "flash_attn-2.8.3-py3-none-any.whl"), tmp_path / "there").ok


def test_a_torch_that_isolation_hid(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "setup.py").write_text(TORCH)
    (tmp_path / "has" / "torch.py").parent.mkdir()
    (tmp_path / "has" / "torch.py").touch()
    failed = install(source, tmp_path / "there", "--no-build-isolation")
    found = told((failed.stdout + failed.stderr).encode())
    assert (found.cause, "--no-build-isolation" in found.text) == ("torch_missing", True)
    mended = install(source, tmp_path / "there", "--no-build-isolation", PYTHONPATH=str(tmp_path / "has"))
    assert mended.ok, mended.stderr
