"""A CUDA toolkit on disk: what one is, and what a complete one holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.platforms import platforms

_RELEASE = re.compile(r"^Cuda compilation tools, release \d+\.\d+, V(\d+\.\d+\.\d+)", re.MULTILINE)

NAMED = ("CUDA_HOME", "CUDA_PATH")
"""The variables that name a toolkit, in the order in which they are asked."""

_CICC = ("nvvm/bin/cicc", "bin/cicc")

TOOLS: tuple[tuple[str, ...], ...] = (
    ("bin/nvcc",),
    _CICC,
    ("bin/cudafe++",),
    ("bin/ptxas",),
    ("bin/fatbinary",),
    ("bin/nvlink",),
)
"""The programs a compile runs. Each entry lists the places where one of them may be."""

FILES: tuple[tuple[str, ...], ...] = (
    ("nvvm/libdevice/libdevice.10.bc",),
    ("include/cuda_runtime.h",),
    ("include/cuda_bf16.h",),
    ("include/crt/host_runtime.h",),
    ("include/cuda/std/type_traits", "include/cccl/cuda/std/type_traits"),
    ("include/thrust/version.h", "include/cccl/thrust/version.h"),
    ("include/cub/version.cuh", "include/cccl/cub/version.cuh"),
    (
        "lib64/libcudart.so",
        "lib/libcudart.so",
        *(f"targets/{row.cuda}/lib/libcudart.so" for row in platforms().values()),
    ),
)
"""What else compiling and linking an extension reads, in the same form."""


HOST_TOOLS = TOOLS[:1]
"""The program that is asked while host code is built, in the same form: its release, and nothing else."""

HOST_FILES = FILES[1:]
"""What compiling and linking host code reads, in the same form."""


@dataclass(frozen=True, kw_only=True)
class CudaRuntime:
    """The headers and libcudart of one CUDA: ``version`` ``12.4``, ``release`` ``12.4.131`` as its nvcc says.

    ``digest`` is a sha256 over the bytes of what lies there of compiler programs, libdevice and headers, so one that
    changes under the same path changes it. ``origin`` says where it was found.
    """

    version: str
    home: Path
    release: str
    digest: str
    origin: str


@dataclass(frozen=True, kw_only=True)
class CudaToolkit(CudaRuntime):
    """A complete toolkit.

    ``mended`` names the header fixes in it, and ``original`` is then the toolkit as its maker published it.
    """

    mended: tuple[str, ...] = ()
    original: CudaToolkit | None = None

    @property
    def nvcc(self) -> Path:
        """Its compiler driver."""
        return self.home / "bin" / "nvcc"

    @property
    def as_published(self) -> CudaToolkit:
        """The toolkit without header fixes."""
        return self.original or self


def read_release(text: str) -> str | None:
    """Return ``12.4.131`` from what ``nvcc --version`` printed, None if that is not there."""
    match = _RELEASE.search(text)
    return match[1] if match else None


def series(release: str) -> str:
    """Return ``12.4`` of ``12.4.131``."""
    return ".".join(release.split(".")[:2])


def missing(
    runs: Callable[[str], bool],
    there: Callable[[str], bool],
    tools: Sequence[Sequence[str]] = TOOLS,
    others: Sequence[Sequence[str]] = FILES,
) -> tuple[str, ...]:
    """Return what a toolkit lacks of ``tools`` and ``others``, by its usual place.

    ``runs`` says of a path relative to the toolkit whether it is a program that may be run,
    ``there`` whether it is a file.
    """
    lacking = [places[0] for places in tools if not any(map(runs, places))]
    lacking += [places[0] for places in others if not any(map(there, places))]
    return tuple(lacking)
