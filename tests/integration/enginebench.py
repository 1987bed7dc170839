"""A container engine for tests on any Debian: the machine's own, or Podman, installed here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from factory.image.engine import Engine, find
from factory.system import process

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
