"""Really fetches the toolkits that do not need NVIDIA's own host, and compiles with them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from factory.kernels import firstcompile
from factory.kernels.assemble import Assembler
from factory.kernels.reproducible import unit_flags
from factory.kernels.unit import Stage, Unit
from factory.matrix.arch import Arch
from factory.matrix.types import COMPRESSIONS
from factory.pool.store import Pool
from factory.toolkit.find import World, find, pins, runtime, runtime_pins
from factory.toolkit.toolkit import CudaToolkit
from factory.wheel import elf
from factory.wheel.fatbin import GpuCode
from tests.elfobject import gpu_units
from tests.kernelsets import store

pytestmark = pytest.mark.e2e

KERNEL = """
#include <cooperative_groups.h>
#include <cub/block/block_reduce.cuh>
#include <cuda/std/type_traits>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <thrust/tuple.h>
static_assert(cuda::std::is_trivially_copyable_v<float>);
__global__ void kernel(__nv_bfloat16* out, float x) { out[threadIdx.x] = __float2bfloat16(__expf(x) + sinf(x)); }
void launch(__nv_bfloat16* out, float x) { kernel<<<1, 1>>>(out, x); }
"""
TEMPLATES = """
namespace constants {
struct Same { __host__ __device__ int operator()(int x) const { return x; } };
static const __device__ Same same{};
}
template <int N> __global__ void kernel(int* out) { out[threadIdx.x] = constants::same(N); }
template <int N> void launch(int* out) { kernel<N><<<1, 1>>>(out); }
template void launch<3>(int*);
"""
HOST = """
#include <cuda_runtime.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda/std/type_traits>
static_assert(CUDART_VERSION / 10 == EXPECTED);
extern "C" int answer() { int version = 0; return cudaRuntimeGetVersion(&version) == cudaSuccess ? version : 0; }
"""
FETCH = """
import os, pathlib, sys
from factory.toolkit.find import World, find
env = {name: value for name, value in os.environ.items() if name not in {"CUDA_HOME", "CUDA_PATH"}}
print(find(sys.argv[1], env, pathlib.Path(sys.argv[2]), print, World(local=pathlib.Path("/nowhere"))).digest)
"""


def shared_cache(factory: pytest.TempPathFactory) -> Path:
    return factory.getbasetemp() / "toolkit-cache"


@pytest.mark.parametrize("version", ["12.4", "13.0", "13.2"])
def test_two_builds_at_once_fetch_one_toolkit(version: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = shared_cache(tmp_path_factory)
    command = [sys.executable, "-c", FETCH, version, str(cache)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=1800)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert outputs[0].splitlines()[-1] == outputs[1].splitlines()[-1]
    assert sum("fetching" in output.replace("is fetching", "") for output in outputs) == 1


@pytest.mark.parametrize("version", ["12.4", "13.0", "13.2"])
def test_it_compiles_and_links(version: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    toolkit = cached(version, shared_cache(tmp_path_factory))
    assert toolkit.release == pins()[version][0].release
    firstcompile.check(toolkit, Path("g++"), os.environ)
    (tmp_path / "kernel.cu").write_text(KERNEL)
    flags = ["-std=c++17", "-gencode", "arch=compute_80,code=[sm_80,sm_90]", "-Xcompiler", "-fPIC"]
    run(toolkit.nvcc, *flags, "-c", tmp_path / "kernel.cu", "-o", tmp_path / "kernel.o")
    run("g++", "-shared", tmp_path / "kernel.o", f"-L{toolkit.home / 'lib64'}", "-lcudart", "-o", tmp_path / "k.so")
    listed = run(toolkit.home / "bin/cuobjdump", "-lelf", tmp_path / "k.so")
    assert all(f"sm_{arch}.cubin" in listed for arch in (80, 90))
    assert "MUFU" in run(toolkit.home / "bin/cuobjdump", "-sass", tmp_path / "k.so")


@pytest.mark.parametrize("version", ["12.4", "13.0", "13.2"])
def test_a_unit_of_templates_alone_has_the_same_bytes_everywhere(
    version: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    toolkit = cached(version, shared_cache(tmp_path_factory))
    named, unnamed = (
        [compiled(toolkit, tmp_path / f"{place}-{len(flags)}", flags) for place in ("here", "there")]
        for flags in (unit_flags("kernel.cu"), ())
    )
    assert named[0] == named[1]
    assert unnamed[0] != unnamed[1], "nvcc needs no help any more"


def compiled(toolkit: CudaToolkit, directory: Path, flags: tuple[str, ...]) -> dict[str, bytes]:
    """Compile in ``directory`` as the factory does; return the object, the PTX and the machine code."""
    (directory / "kept").mkdir(parents=True)
    (directory / "kernel.cu").write_text(TEMPLATES)
    made = ["-gencode", "arch=compute_80,code=[sm_80,sm_90]", "-c", "kernel.cu", "-o", "kept/unit.o"]
    words: list[str | Path] = [toolkit.nvcc, "-ccbin", "g++", *flags, *made, "--keep", "--keep-dir", directory / "kept"]
    subprocess.run(words, cwd=directory, check=True)
    kept = (path for path in (directory / "kept").iterdir() if path.suffix in {".o", ".ptx", ".cubin"})
    return {path.name: path.read_bytes() for path in kept}


@pytest.mark.parametrize(
    ("version", "numbers", "compression"),
    [
        ("12.4", ("80", "90", "90a"), None),
        *(("13.0", ("80", "90", "90a", "100", "120"), mode) for mode in (None, *COMPRESSIONS)),
    ],
)
def test_what_is_assembled_and_hidden_is_what_cuobjdump_reads(
    version: str,
    numbers: tuple[str, ...],
    compression: str | None,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    toolkit = cached(version, shared_cache(tmp_path_factory))
    parts, unit = small_unit(toolkit, tmp_path, [Arch.parse(number) for number in numbers])
    assembler = Assembler(
        pool=Pool(tmp_path / "pool"),
        fatbinary=toolkit.home / "bin/fatbinary",
        objcopy=Path("objcopy"),
        compression=compression,
    )
    one, other = (tmp_path / name for name in ("one", "other"))
    one.mkdir()
    other.mkdir()
    made = assembler.assemble(unit, one)
    assert made.read_bytes() == assembler.assemble(unit, other).read_bytes()
    (read,) = gpu_units(made)
    assert set(read.images) == {GpuCode("real", arch) for arch in parts} | {GpuCode("ptx", Arch(8, 0))}
    assert read.compressions == {"zstd" if compression else "none"}
    assert extracted(toolkit, made, one) == sorted(parts.values())
    kept = GpuCode("real", Arch(9, 0, "a"))
    elf.hide_all_but(kept, made)
    (hidden,) = gpu_units(made)
    assert [image for image in hidden.images if image.arch.major != 99] == [kept]
    assert extracted(toolkit, made, other) == sorted(parts.values()), "content is no other for being hidden"


def extracted(toolkit: CudaToolkit, path: Path, into: Path) -> list[bytes]:
    """Have cuobjdump unpack all machine code of an object; it names it by what is inside, not by its label."""
    subprocess.run([toolkit.home / "bin/cuobjdump", "-xelf", "all", path], cwd=into, check=True)
    return sorted(found.read_bytes() for found in into.glob("*.cubin"))


def small_unit(toolkit: CudaToolkit, directory: Path, archs: Sequence[Arch]) -> tuple[dict[Arch, bytes], Unit]:
    """Put the parts of a unit into the pool in ``directory``; return its machine code and the unit."""
    source = directory / "kernel.cu"
    source.write_text("__global__ void kernel(float* out) { out[threadIdx.x] *= 2.f; }\n")
    (directory / "host.cpp").write_text('asm(".section .nv_fatbin,\\"a\\"\\n.quad 0\\n.previous");\n')
    run("g++", "-c", directory / "host.cpp", "-o", directory / "host")
    run(toolkit.nvcc, "-ptx", "-arch=compute_80", source, "-o", directory / "ptx")
    for arch in archs:
        gencode = f"-gencode=arch=compute_{arch.number},code=sm_{arch.number}"
        run(toolkit.nvcc, "-cubin", gencode, source, "-o", directory / arch.number)
    for name in ("host", "ptx", *(arch.number for arch in archs)):
        store(Pool(directory / "pool"), name, (directory / name).read_bytes())
    stage = Stage(virtual=Arch(8, 0), ptx="ptx", embedded=True, code=tuple((arch, arch.number) for arch in archs))
    return {arch: (directory / arch.number).read_bytes() for arch in archs}, Unit(
        source="kernel.cu", host="host", stub="stub", stages=(stage,)
    )


def test_a_second_look_takes_less_than_a_second(tmp_path_factory: pytest.TempPathFactory) -> None:
    cached("12.4", shared_cache(tmp_path_factory))
    began = time.monotonic()
    cached("12.4", shared_cache(tmp_path_factory))
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("version", ["12.4", "12.6", "12.8", "12.9", "13.0", "13.2"])
def test_nvidias_archives_have_the_pinned_bytes(version: str, tmp_path: Path) -> None:
    recipe = next(way for way in pins()[version] if way.packages[0].source == "redist")
    only = World(local=tmp_path, recipes={version: [recipe]})
    if not answers():
        pytest.skip("NVIDIA's host cannot be reached from here")
    assert (
        find(version, dict(os.environ) | {"CUDA_HOME": "", "CUDA_PATH": ""}, tmp_path, print, only).version == version
    )


def cached(version: str, cache: Path) -> CudaToolkit:
    env = dict(os.environ) | {"CUDA_HOME": "", "CUDA_PATH": ""}
    return find(version, env, cache, print, World(local=cache))


def answers() -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("developer.download.nvidia.com", 443), timeout=10):
        return True
    return False


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.parametrize("version", sorted(runtime_pins()))
def test_host_code_is_compiled_and_linked_with_a_runtime_alone(
    version: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    env = {name: value for name, value in os.environ.items() if name not in {"CUDA_HOME", "CUDA_PATH"}}
    bare = World(local=Path("/nowhere"), recipes={})
    home = runtime(version, env, shared_cache(tmp_path_factory) / "alone", print, bare).home
    (tmp_path / "host.cpp").write_text(HOST)
    number = int(version.replace(".", "")) // 10 * 100 + int(version.rpartition(".")[2])
    flags = (f"-DEXPECTED={number}", f"-isystem{home}/include", f"-isystem{home}/include/cccl", "-std=c++17")
    linked = (f"-L{home}/lib64", "-lcudart", f"-Wl,-rpath,{home}/lib64")
    words = ("g++", "-shared", "-fPIC", *flags, "host.cpp", *linked, "-o", "host.so")
    subprocess.run(words, cwd=tmp_path, check=True)
    asked = "import ctypes; print(ctypes.CDLL('./host.so').answer())"
    told = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert int(told.stdout) // 10 == number
