"""A cell to the exact environment and command of its wheel step; nothing of the caller's leaks in.

The flags are the guide's and upstream's own: ``--no-build-isolation`` (section 2), ``CUDA_HOME``, ``PATH``
and ``MAX_JOBS`` (section 4), and the variables flash-attn's ``setup.py`` and torch's extension builder read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.environment.target import Target
from factory.matrix.model import Cell, Profile
from factory.matrix.wheelname import local_version
from factory.platforms import platforms
from factory.system.environ import inherited
from factory.versions import python_tag

# 2020-01-01: zip cannot hold dates before 1980, and one fixed date makes wheels comparable.
_SOURCE_DATE_EPOCH = "1577836800"


@dataclass(frozen=True, kw_only=True)
class BuildPaths:
    """Where a wheel step finds its things: ``source`` is a copy to write into, ``workdir`` a directory its own.

    ``target`` has what takes the place of this machine's things where the wheel is for another machine.
    """

    source: Path
    workdir: Path
    python: Path
    site_packages: Path
    cuda_home: Path
    target: Target | None = None

    @property
    def torch(self) -> Path:
        """The torch package that the wheel is compiled and linked with."""
        return self.target.torch if self.target else self.site_packages / "torch"

    @property
    def wheelhouse(self) -> Path:
        """Where the wheel is put."""
        return self.workdir / "wheelhouse"

    @property
    def objects(self) -> Path:
        """The kernels' objects."""
        return self.workdir / "objects"

    @property
    def nvcc(self) -> Path:
        """The wrapper in nvcc's place."""
        return self.workdir / "bin" / "nvcc"

    @property
    def cxx(self) -> Path:
        """The wrapper in the C++ compiler's place."""
        return self.workdir / "bin" / "g++"

    @property
    def job_file(self) -> Path:
        """What the wrappers are told."""
        return self.workdir / "driver.json"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The environment and the command that make one wheel, complete."""

    env: Mapping[str, str]
    argv: tuple[str, ...]


def recipe(cell: Cell, paths: BuildPaths, *, jobs: int, env: Mapping[str, str]) -> Recipe:
    """Return the wheel step of ``cell``: upstream's own ``setup.py`` through pip, without isolation."""
    base = inherited(env)
    own = {
        "PATH": f"{paths.cuda_home}/bin:{paths.python.parent}:{base['PATH']}",
        **variables(cell, paths, jobs=jobs),
        "PIP_CONFIG_FILE": "/dev/null",  # pip then reads no configuration at all
    }
    wheel = (str(paths.python), "-m", "pip", "wheel", "--no-deps", *PIP_OPTIONS)
    return Recipe(env=base | own, argv=(*wheel, "--wheel-dir", str(paths.wheelhouse), str(paths.source)))


# What pip is told beside what to build and where to put it.
PIP_OPTIONS = ("--verbose", "--no-build-isolation", "--no-index", "--no-cache-dir", "--disable-pip-version-check")


def variables(cell: Cell, paths: BuildPaths, *, jobs: int) -> dict[str, str]:
    """Return the variables that make upstream's ``setup.py`` and torch's extension builder do what ``cell`` asks."""
    return {
        "CUDA_HOME": str(paths.cuda_home),
        "CXX": str(paths.cxx),
        "PYTORCH_NVCC": str(paths.nvcc),
        "FACTORY_DRIVER_JOB": str(paths.job_file),
        "MAX_JOBS": str(jobs),
        "NVCC_THREADS": "1",
        "TORCH_EXTENSION_SKIP_NVCC_GEN_DEPENDENCIES": "1",
        # From torch 2.13 on a ccache or sccache on PATH is put before compilers, and knows nothing of the job file.
        "TORCH_NO_COMPILER_WRAPPER": "1",
        # Without it setup.py downloads upstream's wheel and calls it built.
        "FLASH_ATTENTION_FORCE_BUILD": "TRUE",
        "FLASH_ATTN_LOCAL_VERSION": local_version(cell),
        "SOURCE_DATE_EPOCH": _SOURCE_DATE_EPOCH,
        **(_elsewhere(cell) if paths.target else {}),
    }


def _elsewhere(cell: Cell) -> dict[str, str]:
    """Return what has the build machine's Python name wheel and extension for the machine of ``cell``.

    Source: ``sysconfig.get_platform`` of CPython, and ``get_ext_filename`` of setuptools' ``build_ext``.
    """
    soabi = f"{python_tag(cell.python).replace('cp', 'cpython-')}-{platforms()[cell.machine].triple}"
    return {"_PYTHON_HOST_PLATFORM": f"linux-{cell.machine}", "SETUPTOOLS_EXT_SUFFIX": f".{soabi}.so"}


def cxx_flags(profile: Profile, paths: BuildPaths, *, standard: int) -> tuple[str, ...]:
    """Return what the C++ file gets beyond upstream's flags.

    The profile's switches, the C++ standard torch needs, the CUDA library headers that torch brings, and
    paths written as relative ones so that no build machine's path stays in the wheel. Debian's Python headers include
    those of a machine by a path of their own.
    """
    own = (paths.target.include,) if paths.target else ()
    switches = tuple(f"-DFLASHATTENTION_DISABLE_{name}" for name in profile.disable)
    brought = tuple(
        f"-idirafter{path}" for path in (*(f"{paths.site_packages}/nvidia/{name}/include" for name in _BROUGHT), *own)
    )
    maps = tuple(
        f"-ffile-prefix-map={path}={name}"
        for path, name in (
            (paths.source, "."),
            (paths.site_packages, "site-packages"),
            *(((paths.torch, "site-packages/torch"), *((path, "python") for path in own)) if own else ()),
            (paths.cuda_home, "cuda"),
        )
    )
    return (*switches, f"-std=c++{standard}", "-g0", *brought, *maps)


# Packages of CUDA libraries in torch's own requirements, whose headers torch's headers include; up to
# CUDA 12 one directory each, from 13 on one for all.
_BROUGHT = ("cublas", "cusparse", "cusolver", "cu13")
