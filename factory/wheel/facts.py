"""What was read out of a finished wheel, and what it is held to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from factory.matrix.arch import Arch
from factory.matrix.checksymbol import check_symbol
from factory.matrix.model import Cell
from factory.matrix.wheelname import WheelName
from factory.versions import cuda_major, version_key
from factory.wheel.fatbin import Fatbin, GpuCode
from factory.wheel.madewith import MadeWith
from factory.wheel.promise import Promise

_LIBRARY = re.compile(r"lib[^/]*\.so(?:\.[\d.]+)?")
_MACHINE = re.compile(r"(?:many)?linux(?:\d+|_\d+_\d+)?_(\w+)")


@dataclass(frozen=True, kw_only=True)
class Member:
    """One entry of the zip, ``size`` bytes unpacked.

    ``digest`` is the sha256 as RECORD spells it, None where it could not be read.
    """

    name: str
    size: int
    digest: str | None
    is_link: bool

    @property
    def is_directory(self) -> bool:
        """Whether it only names a directory."""
        return self.name.endswith("/")

    @property
    def is_library(self) -> bool:
        """Whether it is a shared library to link with, or lies in a directory of such."""
        return _is_library(self.name)

    @property
    def is_module(self) -> bool:
        """Whether Python could import it as machine code."""
        return self.name.endswith(".so") and not self.is_library


def _is_library(name: str) -> bool:
    path = PurePosixPath(name)
    return _LIBRARY.fullmatch(path.name) is not None or any(part.endswith(".libs") for part in path.parts)


@dataclass(frozen=True, kw_only=True)
class RecordRow:
    """One line of RECORD as it stands: path, ``sha256=…`` and size."""

    path: str
    digest: str
    size: str


@dataclass(frozen=True, kw_only=True)
class DistInfo:
    """The wheel's ``.dist-info``; a value that is not there is None."""

    directory: str
    name: str | None
    version: str | None
    requires_python: str | None
    requires: tuple[str, ...]
    root_is_purelib: str | None
    tags: tuple[str, ...] | None
    record: tuple[RecordRow, ...] | None


@dataclass(frozen=True, kw_only=True)
class Extension:
    """An extension module, or a library beside it, as the loader sees it.

    ``versions`` are the symbol versions it needs (``GLIBC_2.14``), ``policy`` the oldest platform tag that
    auditwheel finds them on, ``unlisted`` those that no platform tag has, ``sources`` the absolute names of source
    files in its read-only data. ``fatbins`` are all that the file has; of those at the offsets ``strays`` its section
    headers say other than what is loaded.
    """

    path: str
    machine: str
    defined: frozenset[str]
    undefined: frozenset[str]
    needed: tuple[str, ...]
    rpaths: tuple[str, ...]
    versions: tuple[str, ...]
    policy: str
    unlisted: tuple[str, ...]
    sources: tuple[str, ...]
    fatbins: tuple[Fatbin, ...]
    strays: tuple[int, ...]

    @property
    def is_module(self) -> bool:
        """Whether Python could import it, or only another of these load it."""
        return not _is_library(self.path)

    @property
    def images(self) -> frozenset[GpuCode]:
        """The machine code and PTX in it."""
        return frozenset(image for unit in self.fatbins for image in unit.images)

    @property
    def compressions(self) -> tuple[str, ...]:
        """How its machine code is compressed: ``zstd``, ``lz4``, ``none``; one of them in a wheel of ours."""
        return tuple(sorted({name for unit in self.fatbins for name in unit.compressions}))

    @property
    def toolkits(self) -> tuple[str, ...]:
        """The CUDA releases that made its machine code, as far as that says so; one in a wheel of ours."""
        return tuple(sorted({release for unit in self.fatbins for release in unit.toolkits}, key=version_key))


@dataclass(frozen=True, kw_only=True)
class WheelFacts:
    """A wheel of ``size`` bytes taken apart. ``problems`` say what could not be read, one line each.

    ``name`` is its name by the guide's scheme, ``promise`` what a name of any scheme says; None where it is of none.
    ``traces`` are (member, path prefix) pairs: where paths of the build machine were found.
    """

    filename: str
    name: WheelName | None
    promise: Promise | None
    size: int
    sha256: str
    members: tuple[Member, ...]
    distinfo: DistInfo | None
    extensions: tuple[Extension, ...]
    traces: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the wheel was to be. None where nobody said, which leaves that unchecked. ``cuda``, the toolkit's whole
    version, and ``made_with``, what it was made with, are only passed on: nothing in a wheel tells them.

    ``manylinux`` is the promised platform without the machine, ``manylinux_2_28``; without it the floor is
    only reported. ``check_symbol`` is the mangled name under which torch exports
    ``c10_cuda_check_implementation``. ``build_paths`` are path prefixes of the machine that built. ``installed`` are
    the sha256, by path, of all files that upstream's sdist installs, licences by their names alone.
    """

    flash_attn: str
    cuda_major: int
    torch: str
    python: str
    cxx11abi: bool
    profile: str
    machine: str
    archs: tuple[Arch, ...] | None = None
    manylinux: str | None = None
    check_symbol: str | None = None
    build_paths: tuple[str, ...] = ()
    cuda: str | None = None
    installed: Mapping[str, str] | None = None
    made_with: MadeWith | None = None

    @property
    def built_here(self) -> bool:
        """Whether a factory of this kind says that it built the wheel: no name tells the toolkit's minor."""
        return self.cuda is not None

    @classmethod
    def of_cell(
        cls,
        cell: Cell,
        *,
        check_symbol: str | None = None,
        manylinux: str | None = None,
        build_paths: tuple[str, ...] = (),
        installed: Mapping[str, str] | None = None,
    ) -> Expected:
        """Return what holds a wheel to the cell it was built for."""
        return cls(
            flash_attn=cell.flash_attn,
            cuda_major=cuda_major(cell.cuda),
            torch=cell.torch,
            python=cell.python,
            cxx11abi=cell.cxx11abi,
            profile=cell.profile,
            machine=cell.machine,
            archs=cell.archs,
            manylinux=manylinux,
            check_symbol=check_symbol,
            build_paths=build_paths,
            cuda=cell.cuda,
            installed=installed,
        )

    @classmethod
    def of_name(cls, name: WheelName) -> Expected:
        """Return what holds a wheel to what its own file name says, the names that its torch exports among it."""
        machine = _MACHINE.fullmatch(name.platform_tag)
        return cls(
            flash_attn=name.version,
            cuda_major=name.cuda_major,
            torch=name.torch,
            python=name.python,
            cxx11abi=name.cxx11abi,
            profile=name.profile,
            machine=machine[1] if machine else name.platform_tag,
            check_symbol=check_symbol(name.torch),
        )


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What every wheel is held to: ``factory/data/audit.toml``, which gives the sources."""

    asset_bytes: int
    members: int
    unpacked_bytes: int
    text_bytes: int
    torch_libraries: tuple[str, ...]
    cudart: str
    system_libraries: tuple[str, ...]
    later_versions: frozenset[str]
    legacy_platforms: Mapping[str, str]
    stray_suffixes: tuple[str, ...]
    foreign_roots: frozenset[str]
    common_sources: tuple[str, ...]
    free_threaded: str


@dataclass(frozen=True, kw_only=True)
class CheckInput:
    """All a check may look at."""

    facts: WheelFacts
    expected: Expected | None
    rules: Rules

    @property
    def promise(self) -> Promise | None:
        """What the name of a wheel says that nothing else is known of; None where ``expected`` says more, or a name
        that is none says nothing.
        """
        return None if self.expected is not None else self.facts.promise

    @property
    def is_flash_attn(self) -> bool:
        """Whether it is to be FlashAttention-2, whoever built it."""
        return self.expected is not None or (self.facts.promise is not None and self.facts.promise.is_flash_attn)


MODULE = "flash_attn_2_cuda"

SBOM = "sboms/flash-attn-wheel-factory.cdx.json"
"""Where below ``.dist-info`` our wheels have their bill of materials."""
