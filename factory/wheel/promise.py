"""What the file name of anybody's flash-attn wheel says it is for.

Read are the names of upstream (``2.8.3+cu12torch2.8cxx11abiTRUE``), mjun0812 (``2.8.3+cu128torch2.11``, with tags of
auditwheel's), oobabooga and kingbri1 (``2.7.4.post1+cu124torch2.6.0cxx11abiFALSE``), and of FlashAttention-3
(``3.0.0+cu128torch2.11gite2743ab-cp39-abi3``); a name that says less is read as far as it goes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.utils import parse_wheel_filename

from factory.platforms import platforms
from factory.versions import version_key

_CUDA = re.compile(r"(?<![a-z])cu(\d\d)\.?(\d?)(?!\d)", re.ASCII)
_TORCH = re.compile(r"torch\.?(\d+\.\d+)", re.ASCII)
_ABI = re.compile(r"abi(true|false)", re.ASCII)
_PYTHON = re.compile(r"cp(\d)(\d+)", re.ASCII)
_PLATFORM = re.compile(
    r"(?P<system>[a-z]+?)(?P<old>1|2010|2014)?(?:_(?P<floor>\d+_\d+))?_(?P<machine>[a-z]\w*)", re.ASCII
)
_OTHER_NAMES = {row.image: row.name for row in platforms().values()}


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What the name says; None where it says nothing of it. ``cuda`` is ``12.8``, or ``12`` where no more is said.

    ``python`` is the one Python it is for, ``3.14t``; ``abi3`` the oldest of all that it is for. ``systems`` are
    ``linux``, ``manylinux``, ``win`` and so on, ``machines`` ``x86_64`` and so on; ``glibc`` is the oldest promised.
    """

    project: str
    version: str
    cuda: str | None
    torch: str | None
    cxx11abi: bool | None
    python: str | None
    abi3: str | None
    tags: tuple[str, ...]
    systems: tuple[str, ...]
    machines: tuple[str, ...]
    glibc: str | None

    @property
    def is_flash_attn(self) -> bool:
        """Whether it calls itself upstream's FlashAttention-2, whoever built it."""
        return self.project == "flash-attn"


def parse(filename: str, legacy: Mapping[str, str]) -> Promise:
    """Return what ``filename`` says; ``legacy`` has the glibc of platform tags that do not spell it: ``manylinux1``.

    Raises ValueError where it is no wheel's name.
    """
    project, version, _, tags = parse_wheel_filename(filename)
    local = version.local or ""
    cuda, torch, abi = _CUDA.search(local), _TORCH.search(local), _ABI.search(local)
    pythons = {(f"{found[1]}.{found[2]}", tag.abi) for tag in tags if (found := _PYTHON.fullmatch(tag.interpreter))}
    exact = {f"{python}{'t' * abi.endswith('t')}" for python, abi in pythons if abi.startswith("cp")}
    platforms = [found for tag in tags if (found := _PLATFORM.fullmatch(tag.platform))]
    return Promise(
        project=project,
        version=version.public,
        cuda=".".join(filter(None, cuda.groups())) if cuda else None,
        torch=torch[1] if torch else None,
        cxx11abi=abi[1] == "true" if abi else None,
        python=exact.pop() if len(exact) == 1 else None,
        abi3=min((python for python, abi in pythons if abi == "abi3"), key=version_key, default=None),
        tags=tuple(sorted(map(str, tags))),
        systems=tuple(sorted({found["system"] for found in platforms})),
        machines=tuple(sorted({_OTHER_NAMES.get(found["machine"], found["machine"]) for found in platforms})),
        glibc=min(filter(None, (_glibc(found, legacy) for found in platforms)), key=version_key, default=None),
    )


def _glibc(platform: re.Match[str], legacy: Mapping[str, str]) -> str | None:
    if platform["system"] != "manylinux":
        return None
    return platform["floor"].replace("_", ".") if platform["floor"] else legacy.get(f"manylinux{platform['old']}")
