"""A container engine for tests on any Debian: the machine's own, or Podman, installed here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from factory.image.engine import Engine, find
from factory.system import process
from factory.system.cache import cache_root

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("podman", "runc", "debootstrap", "uidmap", "iptables"),
    *("netavark", "aardvark-dns", "fuse-overlayfs", "slirp4netns"),
)
SYSTEMD = Path("/run/systemd/system")  # there where systemd runs the machine: sd_booted(3)
# For machines in machines: crun refuses hybrid cgroups, systemd may not be there to manage them, raising limits is
# forbidden, and a network of its own may not reach the package index.
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
"""


def engine(directory: Path) -> Engine:
    """Give an engine; what configures it, if need be, stands in ``directory`` and in this process's environment."""
    if any(shutil.which(name) is None for name in ("podman", "debootstrap")):
        for words in (("update",), ("install", "--yes", "--no-install-recommends", *PACKAGES)):
            done = process.run(["apt-get", "--quiet", *words], timeout=600)
            assert done.ok, done.stderr
    configure(directory)
    return find(os.environ)


def configure(directory: Path) -> None:
    """Configure Podman for this machine, if need be, in ``directory`` and in this process's environment."""
    if "CONTAINERS_CONF" not in os.environ and not SYSTEMD.is_dir():
        configuration = directory / "containers.conf"
        configuration.write_text(CONFIGURATION)
        os.environ["CONTAINERS_CONF"] = str(configuration)


def with_image(name: str, text: str) -> str:
    """Give the ``text`` of a matrix with another image for CUDA 12.4, which promises what this Debian has."""
    own = rf"name: {name}\n\1digest: null\n\1manylinux: 2.36"
    made, count = re.subn(r"name: \S+cuda12\.4\n( +)digest: null\n +manylinux: 2\.28", own, text)
    assert count == 1
    return made


def factory(
    cwd: Path, *words: str | Path, cache: Path | None = None, output: int | None = None
) -> subprocess.Popen[str]:
    """Start the factory in ``cwd`` with a ``cache``, its own if none is named."""
    env = {**os.environ, "FACTORY_CACHE": str(cache or cache_root(os.environ)), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "factory", *map(str, words)],
        env=env,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        text=True,
        cwd=cwd,
    )
