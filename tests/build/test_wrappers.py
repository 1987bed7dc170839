import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from factory.build.wrappers import cxx, nvcc
from factory.build.wrappers.job import VARIABLE, DriverJob
from factory.kernels.unit import TORCH_NVCC_FLAGS

FLAGS = (*TORCH_NVCC_FLAGS, "-O3", "-std=c++17", "--use_fast_math")
# As torch 2.6's extension builder writes it, quotes included.
COMMAND = [
    *("-I/src/csrc", "-I/env/torch/include", "-I", "/cuda/include"),
    *("-c", "-c", "SOURCE", "-o", "OUTPUT"),
    *("-D__CUDA_NO_HALF_OPERATORS__", "-D__CUDA_NO_HALF_CONVERSIONS__", "-D__CUDA_NO_BFLOAT16_CONVERSIONS__"),
    *("-D__CUDA_NO_HALF2_OPERATORS__", "--expt-relaxed-constexpr", "--compiler-options", "'-fPIC'"),
    *("-O3", "-std=c++17", "--use_fast_math", "-gencode", "arch=compute_80,code=sm_80", "--threads", "2"),
    *("-DTORCH_API_INCLUDE_EXTENSION_H", '-DPYBIND11_COMPILER_TYPE="_gcc"', "-DTORCH_EXTENSION_NAME=x"),
    "-D_GLIBCXX_USE_CXX11_ABI=0",
]


@pytest.fixture
def job(tmp_path: Path) -> DriverJob:
    (tmp_path / "object").write_bytes(b"compiled before")
    (tmp_path / "source").mkdir()
    return DriverJob(
        root=str(tmp_path / "source"),
        nvcc="/bin/echo",
        cxx="/usr/bin/g++",
        bridged="a.cpp",
        bridge="/bridge.h",
        nvcc_flags=FLAGS,
        cxx_flags=("-DLEAN",),
        objects={"a.cu": (str(tmp_path / "object"), hashlib.sha256(b"compiled before").hexdigest())},
        places={},
    )


def drive(tmp_path: Path, job: DriverJob, command: list[str]) -> subprocess.CompletedProcess[str]:
    job.write(tmp_path / "job.json")
    return subprocess.run(
        [sys.executable, "-I", "-m", "factory.build.wrappers.nvcc", *command],
        env={**os.environ, VARIABLE: str(tmp_path / "job.json")},
        capture_output=True,
        text=True,
        check=False,
    )


def compile_command(
    tmp_path: Path, rename: tuple[str, ...] = ("a.cu",), drop: tuple[str, ...] = (), add: tuple[str, ...] = ()
) -> list[str]:
    paths = {"SOURCE": str(tmp_path / "source" / rename[0]), "OUTPUT": str(tmp_path / "out.o")}
    return [paths.get(word, word) for word in COMMAND if word not in drop] + list(add)


def test_for_another_machine_its_headers_and_libraries_take_the_place_of_ours(job: DriverJob) -> None:
    places = {
        "/env/torch": "/targets/torch",
        "/cuda/lib": "/targets/runtime",
        "/py/include/python3.11": "/t/python3.11",
    }
    foreign = replace(job, places=places, cxx_flags=())
    words = [
        "-I/py/include/python3.11",
        "-isystem",
        "/env/torch/include",
        "-L/env/torch",
        "-L/env/torchvision",
        "-L/cuda/lib",
    ]
    assert cxx.command([*words, "-lc10"], foreign)[1:] == [
        "-I/t/python3.11",
        "-isystem",
        "/targets/torch/include",
        "-L/targets/torch",
        "-L/env/torchvision",
        "-L/targets/runtime",
        "-lc10",
    ]


def test_serves_the_object(tmp_path: Path, job: DriverJob) -> None:
    assert drive(tmp_path, job, compile_command(tmp_path)).returncode == 0
    assert (tmp_path / "out.o").read_bytes() == b"compiled before"


def test_any_other_call_goes_to_the_real_compiler(tmp_path: Path, job: DriverJob) -> None:
    assert drive(tmp_path, job, ["-V"]).stdout == "-V\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rename": ("b.cu",)}, "b.cu is not one of the 1 units"),
        ({"drop": ("--use_fast_math",)}, "only there ['--use_fast_math']"),
        ({"add": ("-lineinfo",)}, "only here ['-lineinfo']"),
        ({"add": ("-DFLASHATTENTION_DISABLE_DROPOUT",)}, "FLASHATTENTION_DISABLE_DROPOUT"),
    ],
)
def test_refuses_what_the_object_is_not(
    tmp_path: Path, job: DriverJob, change: dict[str, tuple[str, ...]], message: str
) -> None:
    done = drive(tmp_path, job, compile_command(tmp_path, **change))
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "out.o").exists()


def test_refuses_an_altered_object(tmp_path: Path, job: DriverJob) -> None:
    (tmp_path / "object").write_bytes(b"compiled later")
    done = drive(tmp_path, job, compile_command(tmp_path))
    assert done.returncode == 1
    assert "changed after it was checked" in done.stderr


def test_flags_are_those_kernels_depend_on() -> None:
    assert tuple(nvcc.flags_of(COMMAND)) == FLAGS


def test_the_cxx_driver_adds_to_compiles_only(job: DriverJob) -> None:
    command = ["-c", f"{job.root}/b.cpp", "-std=c++17"]
    assert cxx.command(command, job) == [job.cxx, *command, "-DLEAN"]
    assert cxx.command(["-shared", "a.o"], job) == [job.cxx, "-shared", "a.o"]


def test_the_bridge_to_torch_is_forced_into_the_one_file_that_includes_torch(job: DriverJob) -> None:
    command = ["-c", f"{job.root}/a.cpp", "-std=c++17"]
    assert cxx.command(command, job) == [job.cxx, *command, "-include", "/bridge.h", "-DLEAN"]


@pytest.mark.parametrize(
    ("word", "left"),
    [
        ("-Wl,-rpath,/opt/python/lib", []),
        ("-Wl,-rpath=/opt/python/lib", []),
        ("-Wl,-R/opt/python/lib", []),
        ("-Wl,-O2,-rpath,/opt/python/lib,--as-needed", ["-Wl,-O2,--as-needed"]),
        ("-Wl,-rpath-link,/opt/python/lib", ["-Wl,-rpath-link,/opt/python/lib"]),
        ("-L/opt/python/lib", ["-L/opt/python/lib"]),
    ],
)
def test_the_interpreters_own_search_path_is_not_handed_on(job: DriverJob, word: str, left: list[str]) -> None:
    assert cxx.command(["-shared", "a.o", word], job) == [job.cxx, "-shared", "a.o", *left]
