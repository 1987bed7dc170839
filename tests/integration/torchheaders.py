"""Headers of torch and of the CUDA libraries that they include, out of wheels that are over a gigabyte together."""

import os
import re
import sys
from pathlib import Path

from factory.data import DATA
from factory.environment.environment import Environment
from factory.environment.requirements import lock_name
from factory.matrix.model import Torch, TorchBuild
from factory.system import pacedsession, remotefile, zips
from factory.system.cache import cache_root, made_once
from factory.system.download import PACE
from factory.update import packages
from factory.update.listing import IndexFile

PROJECTS = ("torch", "nvidia-cublas-cu12", "nvidia-cusolver-cu12", "nvidia-cusparse-cu12")
BOUNDS = zips.Bounds(members=100_000)


def headers(torch: Torch, build: TorchBuild) -> Environment:
    """Give an environment that has headers and nothing else: of each wheel only that part is fetched."""
    lock = DATA / "locks" / lock_name(torch, build)
    hashes = set(re.findall(r"sha256:(\w{64})", lock.read_text(encoding="utf-8")))
    kept = cache_root(os.environ) / "headers" / lock.stem

    def make(draft: Path) -> None:
        for project in PROJECTS:
            _unpack(_wheel(project, hashes), draft)

    made_once(kept, make)
    return Environment(root=kept, site_packages=kept)


def _wheel(project: str, hashes: set[str]) -> IndexFile:
    """Find the one of the lock file's wheels that is for this machine and, where that matters, this Python."""
    here = re.compile(rf".*-(py3-none|cp3{sys.version_info.minor}-cp3{sys.version_info.minor})-\w+_x86_64\.whl")
    (found,) = (
        one for one in packages.listed(project, os.environ) if one.sha256 in hashes and here.fullmatch(one.name)
    )
    return found


def _unpack(wheel: IndexFile, into: Path) -> None:
    with (
        pacedsession.session(PACE) as session,
        remotefile.opened(wheel.url, session) as remote,
        zips.opened(remote, BOUNDS) as archive,
    ):
        found = [entry for entry in archive.infolist() if "/include/" in entry.filename and not entry.is_dir()]
        assert found
        for entry in sorted(found, key=lambda entry: entry.header_offset):  # one behind the other in the file
            target = into / entry.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(entry))
