"""A translation unit: the parts one ``.cu`` file is compiled into, and the key each part is kept under.

A unit is kept in parts that are put together again for a wheel: the host code, the PTX of each front-end
pass, and the machine code of each architecture. So one more architecture costs itself and nothing else. The
launch stubs, C++ that the front end writes for the host code, are kept too: with them host code is compiled for
another machine without the front end.
A key covers everything its part depends on and nothing else: no Python, no torch and no C++ ABI is in it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import PurePosixPath

from factory.data import DATA
from factory.kernels.sdist import Extension
from factory.matrix.arch import Arch, FrontEnd
from factory.matrix.model import Profile

KEY_SCHEMA = 4
HOST = "host"
STUB = "stub"

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
class KeyInputs:
    """Everything common to the units of one set that their parts depend on, architectures apart.

    ``sdist``, ``toolkit``, ``host_compiler`` and ``headers`` are sha256 digests of contents; ``headers``
    are those that stand for torch's.
    """

    flash_attn: str
    sdist: str
    toolkit: str
    host_compiler: str
    headers: str
    flags: tuple[str, ...]

    def kin(self, *, toolkit: str, host_compiler: str) -> str:
        """Return a sha256 that is the same for machines of all kinds, whose programs are other files.

        It has the releases of ``toolkit`` and ``host_compiler`` (``13.0.88``, ``12.2.0``) in place of their digests.
        """
        told = {"schema": KEY_SCHEMA, **asdict(self), "toolkit": toolkit, "host_compiler": host_compiler}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One front-end pass of a unit: the key of its PTX, and of the machine code of each architecture it serves.

    ``embedded`` says whether the PTX itself goes into the wheel.
    """

    virtual: Arch
    ptx: str
    embedded: bool
    code: tuple[tuple[Arch, str], ...]


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One ``.cu`` file of one set.

    ``source`` is relative to the sdist's root, ``host`` the key of its host code, ``stub`` that of its launch stubs.
    ``native`` is the key of the host code for the machine that compiled the rest, where ``host`` is for another one.
    """

    source: str
    host: str
    stub: str
    native: str | None = None
    stages: tuple[Stage, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return PurePosixPath(self.source).stem

    @property
    def key(self) -> str:
        """What it is known by where it is compiled, whatever its architectures and the machine of the wheel."""
        return self.native or self.host

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

    def wanted(self) -> Iterator[str]:
        """Yield the keys of all parts that the wheel is made of."""
        yield self.host
        for stage in self.stages:
            if stage.embedded:
                yield stage.ptx
            yield from (key for _, key in stage.code)

    def shared(self) -> Iterator[str]:
        """Yield the keys of what host code for any machine is made with, and put together with."""
        yield self.stub
        yield from (key for key in self.wanted() if key != self.host)

    def made(self) -> frozenset[str]:
        """Return the keys of all parts that come of compiling it, those that no wheel is made of included."""
        return frozenset((*self.wanted(), self.stub, *(stage.ptx for stage in self.stages)))


def compile_flags(extension: Extension, profile: Profile) -> tuple[str, ...]:
    """Return nvcc's flags for every unit of a set, gencode and includes apart, in upstream's order."""
    switches = tuple(f"-DFLASHATTENTION_DISABLE_{name}" for name in profile.disable)
    return TORCH_NVCC_FLAGS + extension.nvcc_flags + switches


def units(
    extension: Extension, inputs: KeyInputs, passes: Iterable[FrontEnd], *, hosting: KeyInputs | None = None
) -> tuple[Unit, ...]:
    """Return the units of ``extension`` under ``inputs``, each with the keys of its parts.

    ``hosting`` is what the host code is made with where that is for another machine than what made the rest.
    """
    passes = tuple(passes)
    return tuple(
        Unit(
            source=source,
            host=_key(source, hosting or inputs, HOST),
            stub=_key(source, inputs, STUB),
            native=None if hosting is None else _key(source, inputs, HOST),
            stages=tuple(_stage(source, inputs, front_end) for front_end in passes),
        )
        for source in extension.kernels
    )


def _stage(source: str, inputs: KeyInputs, front_end: FrontEnd) -> Stage:
    ptx = f"compute_{front_end.virtual.number}"
    return Stage(
        virtual=front_end.virtual,
        ptx=_key(source, inputs, ptx),
        embedded=front_end.ptx,
        code=tuple((arch, _key(source, inputs, f"{ptx} sm_{arch.number}")) for arch in front_end.real),
    )


def _key(source: str, inputs: KeyInputs, part: str) -> str:
    parts = {"schema": KEY_SCHEMA, "source": source, "part": part, **asdict(inputs)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def standin_digest() -> str:
    """Return the sha256, in hexadecimal, of the stand-in headers: names and contents."""
    digest = hashlib.sha256()
    for path in sorted((DATA / "standin").rglob("*.*h")):
        digest.update(f"{path.relative_to(DATA)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
