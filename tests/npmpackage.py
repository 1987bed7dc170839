"""One file of an npm package, as a file in ``tests/data`` pins it; fetched once and kept with the factory's cache."""

import base64
import hashlib
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

from factory.system import cache, process


def content(pin: Mapping[str, str]) -> bytes:
    """Give the file that ``pin`` names, whose package has the integrity it says."""
    name = pin["package"].replace("/", "-").removeprefix("@")
    where = cache.cache_root(os.environ) / "npm" / f"{name}-{pin['version']}"
    return (cache.made_once(where, lambda target: _fetch(pin, target)) / "file").read_bytes()


def _fetch(pin: Mapping[str, str], directory: Path) -> None:
    packed = process.run(
        ["npm", "pack", "--silent", f"{pin['package']}@{pin['version']}", "--pack-destination", directory],
        timeout=300,
    )
    assert packed.ok, f"npm, which these tests need, could not fetch {pin['package']}: {packed.stderr}"
    (archive,) = directory.glob("*.tgz")
    assert integrity(archive.read_bytes()) == pin["integrity"]
    with tarfile.open(archive) as tar:
        member = tar.extractfile(pin["file"])
        assert member is not None
        (directory / "file").write_bytes(member.read())
    archive.unlink()


def integrity(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
