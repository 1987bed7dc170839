"""A small Debian below a directory, made by debootstrap from the archive that this machine's own apt uses."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from factory.errors import ImageError
from factory.image import aptsource
from factory.image.aptsource import Archive
from factory.image.check import last_lines, must
from factory.system import process
from factory.system.environ import inherited
from factory.system.process import Completed

_ALONE = ("unshare", "--mount")  # what is mounted goes when the program ends, however it ends
_KEYRINGS = {".gpg", ".pgp"}  # what gpgv reads
_INSTALL = "sudo apt-get install -y --no-install-recommends debootstrap"


def lacking(env: Mapping[str, str], *, user: int, release: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Return what keeps ``user`` (an id) from making a Debian here, each with its remedy.

    ``release`` is the content of os-release, read where it is not given.
    """
    told = _release() if release is None else release
    if told.get("ID") != "debian":
        return [(f"this machine runs {told.get('PRETTY_NAME', 'another system')}, not Debian", "Use one with Debian.")]
    complaints = []
    if user != 0:
        complaints.append(("only root may make a Debian", "Run the same command as root."))
    if not shutil.which("debootstrap", path=_env(env)["PATH"]):
        complaints.append(("debootstrap is not installed", _INSTALL))
    try:
        archive(env, told)
    except ImageError as error:
        complaints.append((error.what, error.remedy))
    return complaints


def archive(env: Mapping[str, str], release: Mapping[str, str] | None = None) -> Archive:
    """Return the archive of this machine's own suite that apt uses here. Raises ImageError where it knows none."""
    suite = (_release() if release is None else release).get("VERSION_CODENAME", "")
    wanted = ["apt-get", "indextargets", "--format", aptsource.FORMAT, "Created-By: Packages"]
    printed = process.run(wanted, env=env, timeout=60)
    if found := aptsource.read(printed.stdout.splitlines(), suite):
        return found
    raise ImageError(
        f"apt knows no archive of Debian {suite}", why=last_lines(printed.stderr), remedy="sudo apt-get update"
    )


def make(root: Path, source: Archive, packages: Sequence[str], env: Mapping[str, str]) -> None:
    """Make a Debian at ``root`` with ``packages`` and what they need.

    Raises ImageError with debootstrap's own words, DiskFullError, and OSError as ``signatures`` does.
    """
    options = ("--variant=minbase", *signatures(source), f"--include={','.join(packages)}")
    said: list[str] = []
    status = process.stream(
        [*_ALONE, "debootstrap", *options, source.suite, root, source.url],
        line=said.append,
        env=_env(env) | _proxies(env),
    )
    with suppress(OSError):
        said[:0] = (root / "debootstrap" / "debootstrap.log").read_text(errors="replace").splitlines()
    done = Completed(argv=(), status=status, stdout="\n".join(said), stderr="")
    must(done, f"debootstrap could not make a Debian {source.suite} from {source.url}")


def signatures(source: Archive) -> tuple[str, ...]:
    """Return debootstrap's options that have it check what apt checks, with the key that apt is told to use.

    Raises OSError where the file that lists ``source`` cannot be read.
    """
    said = aptsource.trust(source, Path(source.listed).read_text())
    if said.blind:
        return ("--no-check-gpg",)
    known = said.signed_by and Path(said.signed_by).suffix in _KEYRINGS
    return ("--force-check-gpg", f"--keyring={said.signed_by}") if known else ("--force-check-gpg",)


def inside(root: Path, *words: str | PurePosixPath) -> None:
    """Run a program of the Debian at ``root`` in it. Raises ImageError where it fails, DiskFullError."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
    must(process.run([*_ALONE, "chroot", root, *map(str, words)], env=env), f"{words[0]} failed in the new Debian")


def _release() -> Mapping[str, str]:
    with suppress(OSError):
        return platform.freedesktop_os_release()
    return {}


def _env(env: Mapping[str, str]) -> dict[str, str]:
    """Root's programs are not on everyone's PATH."""
    mine = inherited(env)
    return mine | {"PATH": f"{mine['PATH']}:/usr/sbin:/sbin"}


def _proxies(env: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies of apt to wget, which debootstrap downloads with."""
    asked = ("http_proxy", "Acquire::http::Proxy", "https_proxy", "Acquire::https::Proxy")
    return aptsource.proxies(process.run(["apt-config", "shell", *asked], env=env, timeout=60).stdout)
