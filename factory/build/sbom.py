"""The bill of materials inside a wheel, in ``.dist-info/sboms``: what was compiled into it, CUTLASS included.

Source: https://peps.python.org/pep-0770/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from factory.errors import SourceError
from factory.kernels.sdist import read_extension
from factory.matrix import wheelname
from factory.matrix.model import Cell, FlashAttn, Torch
from factory.wheel import cyclonedx

_CUTLASS = re.compile(r"^#define CUTLASS_(?:MAJOR|MINOR|PATCH) +(\d+)\s*$", re.MULTILINE | re.ASCII)
_NUMBERS = 3


@dataclass(frozen=True, kw_only=True)
class Materials:
    """What a wheel is made of: the ``release`` unpacked at ``root``, a torch, what the CUDA ``kernels`` compiled."""

    release: FlashAttn
    root: Path
    torch: Torch
    kernels: str


def describe(cell: Cell, materials: Materials) -> bytes:
    """Return the document of the wheel of ``cell``, made of ``materials``; the same each time.

    Raises SourceError where the source has a CUTLASS that does not say its version.
    """
    wheel, release = cyclonedx.of_wheel(wheelname.parse(wheelname.wheel_filename(cell))), materials.release
    parts = [
        cyclonedx.flash_attn(release.version, release.sha256),
        *map(cyclonedx.cutlass, cutlass(materials.root)),
        *map(cyclonedx.cuda, dict.fromkeys((materials.kernels, cell.cuda))),
        cyclonedx.torch(materials.torch.release),
    ]
    refs = [part["bom-ref"] for part in parts]
    stamp = "\n".join([wheel["bom-ref"], release.sha256, *refs])
    return cyclonedx.document(stamp, parts, {wheel["bom-ref"]: refs}, about=wheel).encode()


def cutlass(root: Path) -> tuple[str, ...]:
    """Return the version of the CUTLASS that the extension of the source at ``root`` includes; nothing where none is.

    Its submodule's commit is not in an sdist, so its own header is asked. Raises SourceError where that does not say.
    """
    includes = read_extension((root / "setup.py").read_text()).include_dirs
    found = [root / directory / "cutlass" for directory in includes if (root / directory / "cutlass").is_dir()]
    return tuple(_version(directory / "version.h") for directory in found)


def _version(header: Path) -> str:
    try:
        numbers = _CUTLASS.findall(header.read_text(encoding="utf-8"))
    except FileNotFoundError:
        numbers = []
    if len(numbers) != _NUMBERS:
        raise SourceError(
            "the source does not say which CUTLASS it brings",
            why=[f"{header} has no CUTLASS_MAJOR, CUTLASS_MINOR and CUTLASS_PATCH"],
            remedy="Its conventions changed: teach factory/build/sbom.py to read them.",
        )
    return ".".join(numbers)
