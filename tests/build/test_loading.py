"""With the machine's own g++ as the linker of another: what an extension lacks is found without loading it."""

import shutil
from pathlib import Path

import pytest

from factory.build import loading
from factory.environment.target import Target
from factory.errors import InstallError
from factory.kernels.hostcompiler import HostCompiler
from factory.platforms import usual
from factory.system import process

GCC = shutil.which("g++") or "g++"
LINKER = HostCompiler(path=Path(GCC), version="", digest="", objcopy=Path("objcopy"))


def library(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = path.parent.parent / "source.cpp"
    source.write_text(text)
    done = process.run([GCC, "-shared", "-fPIC", source, "-o", path])
    assert done.ok, done.stderr
    return path


@pytest.fixture
def target(tmp_path: Path) -> Target:
    library(tmp_path / "torch" / "lib" / "libc10.so", "int torch_has() { return 1; }\n")
    library(tmp_path / "runtime" / "libcudart.so.13", 'extern "C" int cudaLaunch() { return 1; }\n')
    return Target(machine=usual(), torch=tmp_path / "torch", runtime=tmp_path / "runtime", include=tmp_path)


HAD = """
#include <cmath>
#include <string>
extern "C" int cudaLaunch();
extern "C" void* PyModule_Create2(void*, int);
int torch_has();
int torch_lost();
int torch_never();
std::string text(double x) {
    PyModule_Create2(nullptr, 1);
    return std::to_string(std::exp(x) + torch_has() + cudaLaunch());
}
"""


def test_what_torch_cuda_the_system_and_python_export_is_there(tmp_path: Path, target: Target) -> None:
    loading.compare([library(tmp_path / "flash.so", HAD)], target, LINKER, torch="9.9.0")


def test_every_symbol_that_nobody_exports_is_named(tmp_path: Path, target: Target) -> None:
    made = library(tmp_path / "flash.so", f"{HAD}int all() {{ return torch_lost() + torch_never(); }}\n")
    with pytest.raises(InstallError, match=r"does not load with torch 9\.9\.0") as caught:
        loading.compare([made], target, LINKER, torch="9.9.0")
    assert caught.value.why == ("undefined symbol: _Z10torch_lostv", "undefined symbol: _Z11torch_neverv")


def test_libraries_that_cannot_be_read_are_no_proof(tmp_path: Path, target: Target) -> None:
    (target.torch / "lib" / "libtorch.so").write_text("no library")
    with pytest.raises(InstallError):
        loading.compare([library(tmp_path / "flash.so", HAD)], target, LINKER, torch="9.9.0")
