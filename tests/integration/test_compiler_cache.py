"""A wheel step with a real ccache on PATH and the extension builder of a torch that looks for one there (2.13 on)."""

import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import requests
from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple

from factory.build.recipe import BuildPaths, recipe
from factory.build.wrappers.job import DriverJob
from factory.environment.environment import Environment
from factory.kernels import prepared
from factory.kernels.unit import TORCH_NVCC_FLAGS
from factory.system import process, remotefile
from factory.system.pipconfig import index_url
from tests.integration.bench import Bench

pytestmark = pytest.mark.e2e_torch

BUILDER = ("torch/utils/cpp_extension.py", "torch/utils/_filelock.py")
NEWEST = "torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl"
SETUP = """
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension

flags = {"cxx": [], "nvcc": ["-std=c++17", "-gencode", "arch=compute_80,code=sm_80"]}
module = CUDAExtension("small", ["host.cpp", "kernel.cu"], extra_compile_args=flags)
setup(name="small", version="1", ext_modules=[module], cmdclass={"build_ext": BuildExtension})
"""


@pytest.fixture(scope="module")
def builder() -> dict[str, bytes]:
    """Fetch the extension builder of a torch that would be gigabytes."""
    with PyPISimple(index_url(os.environ) or PYPI_SIMPLE_ENDPOINT) as index, requests.Session() as session:
        (wheel,) = (package for package in index.get_project_page("torch").packages if package.filename == NEWEST)
        with zipfile.ZipFile(remotefile.opened(wheel.url, session)) as archive:
            return {name: archive.read(name) for name in BUILDER}


def with_builder(real: Environment, builder: dict[str, bytes], root: Path, *, before: str) -> Path:
    """Return a Python that sees ``real``, but for torch's extension builder; sh reads ``before`` ahead of it."""
    for name in ("", "utils"):
        (root / "site" / "torch" / name).mkdir(parents=True)
        for path in (real.torch / name).iterdir():
            if path.name != "utils" and f"torch/{name}/{path.name}" not in builder:
                (root / "site" / "torch" / name / path.name).symlink_to(path)
    for member, content in builder.items():
        (root / "site" / member).write_bytes(content)
    (root / "bin").mkdir()
    (root / "bin" / "ninja").symlink_to(real.root / "bin" / "ninja")
    python = root / "bin" / "python"
    python.write_text(f'#!/bin/sh\n{before}\nPYTHONPATH={root}/site exec {real.python} "$@"\n')
    python.chmod(0o755)
    return python


def with_wrappers(paths: BuildPaths, nvcc: Path) -> BuildPaths:
    paths.source.mkdir(parents=True)
    paths.nvcc.parent.mkdir()
    for wrapper, module in ((paths.nvcc, "nvcc"), (paths.cxx, "cxx")):
        wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} -I -m factory.build.wrappers.{module} "$@"\n')
        wrapper.chmod(0o755)
    process.run(["g++", "-c", "-fPIC", "-x", "c++", "/dev/null", "-o", paths.workdir / "kernel.o"])
    made = paths.workdir / "kernel.o"
    DriverJob(
        root=str(paths.source),
        nvcc=str(nvcc),
        cxx="/usr/bin/g++",
        nvcc_flags=(*TORCH_NVCC_FLAGS, "-std=c++17"),
        cxx_flags=("-DLEAN=7",),
        bridged="flash_api.cpp",
        bridge="/dev/null",
        objects={"kernel.cu": (str(made), hashlib.sha256(made.read_bytes()).hexdigest())},
        places={},
    ).write(paths.job_file)
    return paths


def home_with_ccache(home: Path) -> dict[str, str]:
    """Put ccache first on PATH; it notes every call in a log beside its configuration."""
    program = shutil.which("ccache", path=str(Path(sys.executable).parent))
    assert program is not None
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "ccache").symlink_to(program)
    (home / ".ccache").mkdir()
    (home / ".ccache" / "ccache.conf").write_text(f"log_file = {home}/log\n")
    return {**os.environ, "HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin"}


@pytest.mark.parametrize(("before", "seen"), [("", False), ("unset TORCH_NO_COMPILER_WRAPPER", True)])
def test_a_ccache_on_path_sees_no_compile(
    bench: Bench, builder: dict[str, bytes], tmp_path: Path, *, before: str, seen: bool
) -> None:
    wanted = bench.cell()
    real = bench.installer.prepare(wanted.torch, wanted.build, wanted.cell.python)
    toolkit = prepared.prepare(bench.kernels, bench.session).toolkit
    paths = BuildPaths(
        source=tmp_path / "work" / "source",
        workdir=tmp_path / "work",
        python=with_builder(real, builder, tmp_path / "environment", before=before),
        site_packages=real.site_packages,
        cuda_home=toolkit.home,
    )
    with_wrappers(paths, toolkit.nvcc)
    (paths.source / "setup.py").write_text(SETUP)
    (paths.source / "host.cpp").write_text("int lean() { return LEAN; }\n")
    (paths.source / "kernel.cu").touch()
    made = recipe(wanted.cell, paths, jobs=1, env=home_with_ccache(tmp_path / "home"))
    done = process.run(made.argv, env=made.env, timeout=600)
    assert done.ok, done.stdout + done.stderr
    log = tmp_path / "home" / "log"
    assert (log.is_file() and f"{paths.cxx} -MMD" in log.read_text()) is seen
