"""A real interpreter with a real package or two; torch itself is a directory of the files that are read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from factory.doctor import installed
from factory.doctor.facts import Missing, Python
from factory.system import process

# The function whose name tells the ABI, as c10/util/Exception.h declares it.
C10 = """#include <string>
namespace c10::detail {
void torchInternalAssertFail(const char*, const char*, unsigned, const char*, const std::string&) {}
}
"""
VERSION = "__version__ = '2.6.0+cu124'\ncuda: Optional[str] = '12.4'\n"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment whose ``python`` is this one, which sees ``packages``."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "packages").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    return {"PATH": f"{tmp_path}/bin", "PYTHONPATH": f"{tmp_path}/packages"}


@pytest.fixture
def torch(tmp_path: Path) -> Path:
    where = tmp_path / "packages" / "torch"
    where.mkdir()
    (where / "__init__.py").write_text("raise SystemExit('torch was imported')")
    (where / "version.py").write_text(VERSION)
    return where


def looked(env: dict[str, str]) -> Python:
    found = installed.find(env)
    assert isinstance(found, Python)
    return found


def test_no_torch(env: dict[str, str]) -> None:
    found = looked(env)
    assert found.version == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert (found.torch, found.cudnn) == (None, None)


def test_torch_is_read_and_not_imported(env: dict[str, str], torch: Path, tmp_path: Path) -> None:
    info = tmp_path / "packages" / "nvidia_cudnn_cu12-9.1.0.70.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nvidia_cudnn_cu12\nVersion: 9.1.0.70\n")
    found = looked(env)
    assert found.torch is not None
    assert (found.torch.where, found.torch.release, found.torch.cuda) == (str(torch), "2.6.0+cu124", "12.4")
    assert found.torch.cxx11abi is None
    assert (found.packages["nvidia-cudnn-cu12"], found.cudnn) == ("9.1.0.70", "9.1.0.70")


@pytest.mark.parametrize("abi", [True, False])
def test_the_abi_is_read_from_the_symbols(abi: bool, env: dict[str, str], torch: Path) -> None:  # noqa: FBT001
    (torch / "lib").mkdir()
    (torch / "c10.cpp").write_text(C10)
    define = f"-D_GLIBCXX_USE_CXX11_ABI={int(abi)}"
    assert process.run(["g++", define, "-shared", "-fPIC", torch / "c10.cpp", "-o", torch / "lib" / "libc10.so"]).ok
    found = looked(env).torch
    assert found is not None
    assert found.cxx11abi is abi


def test_a_broken_torch(env: dict[str, str], torch: Path) -> None:
    (torch / "version.py").unlink()
    (torch / "lib").mkdir()
    (torch / "lib" / "libc10.so").write_bytes(b"\x7fELF and no more")
    found = looked(env).torch
    assert found is not None
    assert (found.release, found.cuda, found.cxx11abi) == (None, None, None)


def test_a_version_file_that_is_a_directory(env: dict[str, str], torch: Path) -> None:
    (torch / "version.py").unlink()
    (torch / "version.py").mkdir()
    found = looked(env).torch
    assert found is not None
    assert found.release is None


def test_cudnn_of_the_system_is_read_from_its_header(env: dict[str, str], torch: Path, tmp_path: Path) -> None:
    assert torch.is_dir()
    header = tmp_path / "cuda" / "include" / "cudnn_version.h"
    header.parent.mkdir(parents=True)
    header.write_text("#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 8\n#define CUDNN_PATCHLEVEL 1\n")
    assert looked({**env, "CUDA_HOME": str(tmp_path / "cuda")}).cudnn == "9.8.1"


@pytest.mark.parametrize("said", ["rubbish", '{"python": 3}', ""])
def test_an_interpreter_that_talks_rubbish(env: dict[str, str], tmp_path: Path, said: str) -> None:
    python = tmp_path / "bin" / "python"
    python.unlink()
    python.write_text(f"#!/bin/sh\necho '{said}'; echo 'it is broken' >&2\n")
    python.chmod(0o755)
    found = installed.find(env)
    assert isinstance(found, Missing)
    assert found.what.endswith("does not say what is installed in it: it is broken")


def test_no_path() -> None:
    assert installed.find({}) == Missing(what="PATH is not set")
    assert isinstance(installed.find({"PATH": "/nowhere"}), Missing)
