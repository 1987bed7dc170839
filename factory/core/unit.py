"""A translation unit: how one ``.cu`` file becomes an object, and the key that object is kept under.

The key covers everything the object depends on and nothing else, so no Python, no torch release and no
C++ ABI is in it: only the torch *kernel class*.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from factory.core.arch import Arch, gencode
from factory.core.model import Profile, Toolkit
from factory.core.sdist import Extension

KEY_SCHEMA = 1

# What torch's extension builder puts before every extension's own flags: COMMON_NVCC_FLAGS and
# unix_cuda_flags in torch/utils/cpp_extension.py, the same text in 2.4.1 to 2.15.0.
TORCH_NVCC_FLAGS = (
    "-D__CUDA_NO_HALF_OPERATORS__",
    "-D__CUDA_NO_HALF_CONVERSIONS__",
    "-D__CUDA_NO_BFLOAT16_CONVERSIONS__",
    "-D__CUDA_NO_HALF2_OPERATORS__",
    "--expt-relaxed-constexpr",
    "--compiler-options",
    "-fPIC",
)
_SHAPE = re.compile(r"(?P<kind>fwd_split|fwd|bwd)_hdim(?P<head>\d+)")


@dataclass(frozen=True, kw_only=True)
class KernelClass:
    """What kernel objects share with torch: the stand-ins' macros and the check function's symbol."""

    name: str
    macros: tuple[str, ...]
    check_symbol: str


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Everything common to the units of one set that their objects depend on.

    ``sdist``, ``toolkit``, ``host_compiler`` and ``standin`` are sha256 digests of contents.
    """

    flash_attn: str
    sdist: str
    toolkit: str
    host_compiler: str
    standin: str
    kernel_class: str
    flags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One ``.cu`` file of one set; ``source`` is relative to the sdist's root."""

    source: str
    key: str

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return PurePosixPath(self.source).stem

    @property
    def kind(self) -> str:
        """What costs are known by: ``fwd``, ``fwd_split``, ``bwd``, or ``other``."""
        match = _SHAPE.search(self.name)
        return match["kind"] if match else "other"

    @property
    def head_size(self) -> int:
        """The head size in elements, 0 where the name has none."""
        match = _SHAPE.search(self.name)
        return int(match["head"]) if match else 0


def compile_flags(extension: Extension, profile: Profile, archs: Iterable[Arch], toolkit: Toolkit) -> tuple[str, ...]:
    """Give nvcc's flags for every unit of a set, includes and defines apart, in upstream's order."""
    switches = tuple(f"-DFLASHATTENTION_DISABLE_{name}" for name in profile.disable)
    return TORCH_NVCC_FLAGS + extension.nvcc_flags + switches + gencode(archs, toolkit.front_end)


def units(extension: Extension, inputs: Inputs) -> tuple[Unit, ...]:
    """Give the units of ``extension`` under ``inputs``, each with its key."""
    return tuple(Unit(source=source, key=_key(source, inputs)) for source in extension.kernels)


def _key(source: str, inputs: Inputs) -> str:
    parts = {"schema": KEY_SCHEMA, "source": source, **asdict(inputs)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
