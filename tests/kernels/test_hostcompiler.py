import shutil
from pathlib import Path

import pytest

from factory.errors import HostCompilerError, TorchHeadersError
from factory.kernels import crosscompiler
from factory.kernels.hostcompiler import HostCompiler, check_bridge, find
from factory.matrix.model import Torch
from factory.system import process
from tests.smalltoolkit import row as toolkit

REAL = shutil.which("g++") or "g++"
PATH = {"PATH": f"{Path(REAL).parent}:/usr/bin:/bin"}


def compiler(path: Path, version: str, describes: str = "gcc version", objcopy: str = "objcopy") -> Path:
    path.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        f'*-v\\ *) echo "{describes} {version} (test)" >&2;;\n'
        f"*-print-prog-name=objcopy*) echo {objcopy};;\n"
        f"*) echo {version};;\n"
        "esac\n"
    )
    path.chmod(0o755)
    return path


def test_the_machine_s_own() -> None:
    found = find(toolkit(99), PATH)
    assert found.path.name == "g++"
    assert process.run([found.path, "-dumpfullversion"]).stdout.strip() == found.version
    assert len(found.digest) == 64
    assert "GNU objcopy" in process.run([found.objcopy, "--version"]).stdout
    assert find(toolkit(99), PATH) == found


def test_where_none_fits_the_remedy_is_a_package_that_apt_has(tmp_path: Path) -> None:
    compiler(tmp_path / "g++", "15.1.0")
    apt = tmp_path / "apt-cache"
    apt.write_text("#!/bin/sh\nprintf 'g++-11\\ng++-13\\ng++-14\\ng++-13-multilib\\n'\n")
    apt.chmod(0o755)
    with pytest.raises(HostCompilerError) as caught:
        find(toolkit(13), {"PATH": str(tmp_path)})
    assert caught.value.remedy == "As root, type: apt-get install g++-13; then run the same command again."
    apt.unlink()
    with pytest.raises(HostCompilerError) as caught:
        find(toolkit(13), {"PATH": str(tmp_path)})
    assert "Install g++-13 or older" in caught.value.remedy


def test_a_compiler_for_another_machine_has_that_machine_s_name_and_is_no_compiler_for_this_one(tmp_path: Path) -> None:
    with pytest.raises(HostCompilerError, match="at most version 13 that compiles for aarch64") as caught:
        crosscompiler.find(toolkit(13), "aarch64", {"PATH": str(tmp_path), "CXX": REAL})
    assert caught.value.why[0].startswith("none of aarch64-linux-gnu-g++, aarch64-linux-gnu-g++-13, ")
    assert caught.value.remedy.startswith("As root, type: apt-get install g++-aarch64-linux-gnu;")
    compiler(tmp_path / "aarch64-linux-gnu-g++", "15.1.0")
    wanted = compiler(tmp_path / "aarch64-linux-gnu-g++-12", "12.2.0")
    found = crosscompiler.find(toolkit(13), "aarch64", {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (found.path, found.version) == (wanted, "12.2.0")


def test_a_glibc_that_clashes_with_cuda_is_named_and_no_compiler_is_advised(tmp_path: Path) -> None:
    """What glibc may declare one day, by a compiler that declares it before everything else."""
    later = tmp_path / "later.h"
    later.write_text('extern "C" double rcbrt(double) noexcept;\n')
    compiler(tmp_path / "g++", "13.3.0")
    (tmp_path / "g++").write_text(
        (tmp_path / "g++")
        .read_text()
        .replace("*) echo 13.3.0", f'*host_check*) exec {REAL} -include {later} "$@";;\n*) echo 13.3.0')
    )
    with pytest.raises(HostCompilerError) as caught:
        find(toolkit(13), {"PATH": str(tmp_path)})
    assert caught.value.why[0].endswith("(13.3.0): glibc declares rcbrt noexcept, CUDA's headers do not")
    assert "--backend container" in caught.value.remedy


def test_a_new_g_plus_plus_gives_way_to_an_older_one(tmp_path: Path) -> None:
    compiler(tmp_path / "g++", "15.1.0")
    compiler(tmp_path / "g++-12", "12.2.0")
    wanted = compiler(tmp_path / "g++-13", "13.3.0")
    found = find(toolkit(13), {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (found.path, found.version) == (wanted, "13.3.0")


def test_another_compiler_of_the_same_version_has_another_digest(tmp_path: Path) -> None:
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    compiler(tmp_path / "g++", "13.3.0")
    first = find(toolkit(13), env)
    compiler(tmp_path / "g++", "13.3.0", "gcc version patched")
    assert find(toolkit(13), env).digest != first.digest


def test_cxx_alone_decides(tmp_path: Path) -> None:
    mine = compiler(tmp_path / "mine", "11.4.0")
    assert find(toolkit(13), {**PATH, "CXX": str(mine)}).path == mine
    compiler(mine, "14.2.0")
    with pytest.raises(HostCompilerError, match="at most version 13") as caught:
        find(toolkit(13), {**PATH, "CXX": str(mine)})
    assert caught.value.why == (f"{mine} is 14.2.0",)
    assert "of at most version 13 with CXX=" in caught.value.remedy


def test_objcopy_is_the_compiler_s_own(tmp_path: Path) -> None:
    mine = compiler(tmp_path / "mine-objcopy", "2.46")
    found = find(toolkit(13), {**PATH, "CXX": str(compiler(tmp_path / "mine", "11.4.0", objcopy=str(mine)))})
    assert found.objcopy == mine


def test_a_compiler_without_objcopy_is_refused(tmp_path: Path) -> None:
    compiler(tmp_path / "g++", "11.4.0")
    with pytest.raises(HostCompilerError, match="has no objcopy beside it, nor is one on PATH"):
        find(toolkit(13), {"PATH": str(tmp_path)})


def test_a_clang_is_not_a_gcc_whatever_it_is_called(tmp_path: Path) -> None:
    compiler(tmp_path / "g++", "11.0.0", "Apple clang version")
    with pytest.raises(HostCompilerError, match="not a gcc"):
        find(toolkit(13), {"PATH": f"{tmp_path}:/none"})


def test_none(tmp_path: Path) -> None:
    with pytest.raises(HostCompilerError) as caught:
        find(toolkit(9), {"PATH": str(tmp_path)})
    assert caught.value.why == ("none of g++, g++-9 is on PATH",)
    with pytest.raises(HostCompilerError, match="none of nowhere-g"):
        find(toolkit(9), {**PATH, "CXX": "nowhere-g++"})


def test_headers_that_are_not_there_are_the_evidence(tmp_path: Path) -> None:
    torch = Torch(series="2.6", release="2.6.0", cxx_standard=17, setuptools="", builds=())
    gcc = HostCompiler(path=Path(REAL), version="", digest="", objcopy=Path("objcopy"))
    with pytest.raises(TorchHeadersError, match=r"torch 2\.6\.0 does not fit the kernels") as caught:
        check_bridge(torch, compiler=gcc, include_dirs=[tmp_path], env=PATH)
    assert any("ATen/cuda/CUDAGeneratorImpl.h" in line for line in caught.value.why)
