"""A Debian of any suite in a folder: made by debootstrap, kept for the next time, left without a mount behind.

What runs in it runs as ``builder``, who is nobody special, with this machine's network: its name servers, its
certificates, its proxies and the package index of its pip.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from factory.build.container.spec import PROXIES
from factory.image import debootstrap
from factory.image.layout import BUNDLE
from factory.system import pipconfig, process
from factory.system.cache import cache_root, made_once

HOME = Path("/home/builder")
PYTHON = ("python3", "python3-dev", "python3-pip", "python3-venv")
_FIRST = ("ca-certificates", *PYTHON)
# What is mounted goes with the namespace, and every process in it with its first one, which ends with ours however
# that ends. So the first is the shell: the signal that tells it would be lost when chroot changes the user.
_ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
_ENTER = """
root=$1 user=$2 directory=$3; shift 3
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" || exit
while [ "$1" != -- ]; do mount --bind /dev/null "$root$1" || exit; shift; done; shift
chroot --userspec="$user" "$root" sh -c 'cd "$0" && exec "$@"' "$directory" "$@"
exit $?
"""
_APT = """\
APT::Install-Recommends "false";
// A mirror may serve a snapshot of sid or of a suite's updates, whose Release file is past its date.
Acquire::Check-Valid-Until "false";
"""
_GXX = re.compile(r"^g\+\+-(\d+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The Debian ``suite`` at ``root``."""

    suite: str
    root: Path

    @property
    def home(self) -> Path:
        """Where the home of ``builder`` is from outside."""
        return self.outside(HOME)

    def outside(self, inside: Path) -> Path:
        return self.root / inside.relative_to("/")

    def run(
        self,
        *words: str | Path,
        user: str = "builder",
        directory: Path = HOME,
        env: Mapping[str, str] | None = None,
        hidden: Collection[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this Debian in it; the files ``hidden`` are no programs meanwhile."""
        script = (*_ALONE, "sh", "-c", _ENTER, "sh", str(self.root), user, str(directory), *hidden, "--")
        return subprocess.run(
            [*script, *map(str, words)],
            env={**_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def said(self, *words: str | Path, user: str = "builder", directory: Path = HOME) -> str:
        """Run what must not fail; give what it said."""
        done = self.run(*words, user=user, directory=directory)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def compilers(self) -> list[int]:
        """List the major versions of g++ that this Debian has, from 12 on."""
        return sorted(
            int(major) for major in _GXX.findall(self.said("apt-cache", "pkgnames", "g++-")) if int(major) > 11
        )


def folder(suite: str) -> Folder:
    """Give the Debian ``suite`` as its archive has it now, with its Python and all its g++ from 12 on."""
    kept = cache_root(os.environ) / "distributions" / suite
    kept.parent.mkdir(parents=True, exist_ok=True)
    source = replace(debootstrap.archive(os.environ), suite=suite)
    made_once(kept, lambda draft: debootstrap.make(draft, source, _FIRST, os.environ))
    made = Folder(suite=suite, root=kept)
    _connect(made)
    if not made.home.is_dir():
        made.said("useradd", "--create-home", "--shell", "/bin/sh", HOME.name, user="root", directory=Path("/"))
    apt = functools.partial(made.said, "apt-get", "--quiet", "--yes", user="root", directory=Path("/"))
    apt("update")
    apt("dist-upgrade")
    apt("install", "g++", *PYTHON, *(f"g++-{major}" for major in made.compilers()))
    return made


def require() -> None:
    """Fail where no Debian can be made here, saying what to do."""
    lacking = debootstrap.lacking(os.environ, user=os.geteuid())
    if lacking:
        pytest.fail("\n".join(f"{what}. {remedy}" for what, remedy in lacking), pytrace=False)


def _connect(made: Folder) -> None:
    """Give it this machine's way to the network."""
    made.root.chmod(0o755)  # a temporary directory became it, which only root may enter
    (made.root / "etc/apt/apt.conf.d/90folder").write_text(_APT + _apt_proxies())
    shutil.copyfile("/etc/resolv.conf", made.root / "etc/resolv.conf")
    shutil.copyfile("/etc/hosts", made.root / "etc/hosts")
    if Path(BUNDLE).is_file():
        shutil.copyfile(BUNDLE, made.outside(Path(BUNDLE)))
    settings = "".join(f"{key} = {value}\n" for key, value in pipconfig.settings(os.environ).items())
    (made.root / "etc/pip.conf").write_text(f"[global]\n{settings}")


def _apt_proxies() -> str:
    dumped = process.run(["apt-config", "dump"], env=os.environ, timeout=60).stdout.splitlines()
    return "".join(f"{line}\n" for line in dumped if re.match(r"Acquire::https?::Proxy", line))


def _environment() -> dict[str, str]:
    bundle = dict.fromkeys(("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(BUNDLE))
    return {
        "HOME": str(HOME),
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "DEBIAN_FRONTEND": "noninteractive",
        "PIP_NO_CACHE_DIR": "1",  # the folder keeps what is made of it
        **(bundle if Path(BUNDLE).is_file() else {}),
        **{name: os.environ[name] for name in PROXIES if name in os.environ},
    }
