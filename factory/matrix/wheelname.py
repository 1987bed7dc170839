"""The names of wheels: the scheme of the installation guide, written and read.

``flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp310-cp310-linux_x86_64.whl``
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.utils import parse_wheel_filename

from factory.matrix.model import FULL, Cell
from factory.versions import abi_word, cuda_major, python_tags

_LOCAL = re.compile(
    r"cu(?P<cuda>\d+)torch(?P<torch>\d+\.\d+)cxx11abi(?P<abi>true|false)(?:\.(?P<profile>[a-z][a-z0-9]*))?", re.ASCII
)
_PLATFORM = re.compile(r"\w+", re.ASCII)
_PYTHON = re.compile(r"cp(\d)(\d+)-cp\1\2(t?)", re.ASCII)
_EXAMPLE = "flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp310-cp310-linux_x86_64.whl"


@dataclass(frozen=True, kw_only=True)
class WheelName:
    """What a wheel's file name says: ``cuda_major`` ``12``, ``torch`` ``2.6``, ``python`` ``3.10``."""

    version: str
    cuda_major: int
    torch: str
    cxx11abi: bool
    profile: str
    python: str
    platform_tag: str

    @property
    def local(self) -> str:
        """The local version, ``cu12torch2.6cxx11abiFALSE``; ``.smoke`` behind it for that profile."""
        profile = "" if self.profile == FULL else f".{self.profile}"
        return f"cu{self.cuda_major}torch{self.torch}cxx11abi{abi_word(self.cxx11abi)}{profile}"

    @property
    def filename(self) -> str:
        """The file name in the guide's letter case, whatever case it was read in."""
        return f"flash_attn-{self.version}+{self.local}-{python_tags(self.python)}-{self.platform_tag}.whl"


def of(cell: Cell) -> WheelName:
    """Return the name of the wheel of ``cell``."""
    return WheelName(
        version=cell.flash_attn,
        cuda_major=cuda_major(cell.cuda),
        torch=cell.torch,
        cxx11abi=cell.cxx11abi,
        profile=cell.profile,
        python=cell.python,
        platform_tag=f"linux_{cell.machine}",
    )


def local_version(cell: Cell) -> str:
    """Return what stands behind the ``+`` of the version of its wheel: ``cu12torch2.6cxx11abiFALSE``."""
    return of(cell).local


def wheel_filename(cell: Cell) -> str:
    """Return the whole file name of the wheel of ``cell``, in the guide's letter case."""
    return of(cell).filename


def release_tag(version: str) -> str:
    """Return the tag of the release that holds the wheels of a flash-attn version: ``v2.7.4.post1``."""
    return f"v{version}"


def parse(filename: str) -> WheelName:
    """Return what a wheel's file name says, in any letter case of its ABI.

    Raises ValueError that says which part is not of the scheme.
    """
    project, version, build, tags = parse_wheel_filename(filename)
    local = _LOCAL.fullmatch(version.local or "")
    if project != "flash-attn" or build or local is None or version.epoch:
        msg = f"{filename!r} is not named like {_EXAMPLE}"
        raise ValueError(msg)
    if len(tags) != 1:
        msg = f"{filename!r} has {len(tags)} tags; a flash-attn wheel has one"
        raise ValueError(msg)
    tag = next(iter(tags))
    if not _PLATFORM.fullmatch(tag.platform):
        msg = f"{filename!r} has a platform tag that cannot be"
        raise ValueError(msg)
    return WheelName(
        version=version.public,
        cuda_major=int(local["cuda"]),
        torch=local["torch"],
        cxx11abi=local["abi"] == "true",
        profile=local["profile"] or FULL,
        python=_python(filename, tag.interpreter, tag.abi),
        platform_tag=tag.platform,
    )


def _python(filename: str, interpreter: str, abi: str) -> str:
    match = _PYTHON.fullmatch(f"{interpreter}-{abi}")
    if match is None:
        msg = f"{filename!r} must have CPython tags such as cp310-cp310 or cp314-cp314t; it has {interpreter}-{abi}"
        raise ValueError(msg)
    return f"{match[1]}.{match[2]}{match[3]}"
