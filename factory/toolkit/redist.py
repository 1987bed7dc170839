"""CUDA components from NVIDIA's redistributable archives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from factory.system import archive, download
from factory.toolkit.pins import Package
from factory.toolkit.source import Errand, megabytes

HOST = "https://developer.download.nvidia.com/compute/cuda/redist/"


def fetch(packages: Sequence[Package], errand: Errand, *, root: str = HOST) -> Mapping[str, Path]:
    """Download ``packages`` and return the unpacked tree of each by name (``factory.toolkit.source.Source``).

    Their paths are below ``root``. Raises UnreachableError where that does not give one, DigestError where it gives
    another file, and SourceError where it cannot be unpacked.
    """
    return {package.name: _one(package, errand, root) for package in packages}


def _one(package: Package, errand: Errand, root: str) -> Path:
    target = errand.downloads / Path(package.path).name
    errand.say(f"  {package.name} {package.version} ({megabytes(package.size)})")
    download.fetch(root + package.path, package.sha256, target)
    tree = errand.trees / package.name
    tree.mkdir()
    archive.unpack_tar(target, tree)
    return tree
