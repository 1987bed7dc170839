"""Debian packages through the machine's own apt, as any user, without installing anything.

``apt-helper`` downloads with the mirror, proxies and credentials that apt is configured with here
and checks the sha256; it needs no package lists, so the release the package is from need not be
among this machine's sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from factory.core.errors import DigestError, UnreachableError
from factory.core.toolkit_pins import Package
from factory.edge import archive, download, shell
from factory.edge.toolkit_source import Errand, megabytes

_OPTIONS = ("Acquire::http::Timeout=15", "Acquire::https::Timeout=15", "Acquire::Retries=2")


def fetch(packages: Sequence[Package], errand: Errand) -> Mapping[str, Path]:
    """Download and unpack ``packages`` (``factory.edge.toolkit_source.Source``).

    Raises UnreachableError, DigestError, SourceError.
    """
    mirrors = _mirrors(errand.env)
    return {package.name: _one(package, errand, mirrors) for package in packages}


def _one(package: Package, errand: Errand, mirrors: Sequence[str]) -> Path:
    target = errand.downloads / Path(package.path).name
    if not (target.is_file() and download.sha256_of(target) == package.sha256):
        errand.say(f"  {package.name} {package.version} ({megabytes(package.size)}) through apt")
        _download(package, target, mirrors, errand.env)
    tree = errand.trees / package.name
    archive.unpack_deb(target, tree)
    return tree


def _mirrors(env: Mapping[str, str]) -> tuple[str, ...]:
    """The roots of the Debian archives apt is configured with; all roots where apt knows no labels yet."""
    done = shell.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL)"], env=env, timeout=60)
    rows = [line.split(" ", 1) for line in done.stdout.splitlines() if " " in line]
    labelled = [uri for uri, label in rows if label == "Debian"]
    unlabelled = [uri for uri, label in rows if label in {"", "$(LABEL)"}]
    if mirrors := tuple(dict.fromkeys(labelled or unlabelled)):
        return mirrors
    raise UnreachableError(
        "this machine's apt knows no Debian mirror",
        why=tuple(done.stderr.strip().splitlines()[-1:]),
        remedy="Use a machine that runs Debian.",
    )


def _download(package: Package, target: Path, mirrors: Sequence[str], env: Mapping[str, str]) -> None:
    complaints = [_through(mirror, package, target, env) for mirror in mirrors]
    if target.is_file() and download.sha256_of(target) == package.sha256:
        return
    if any("Hash Sum mismatch" in complaint for complaint in complaints):
        raise DigestError(f"{package.path} is not the file it must be", why=complaints, remedy="Try again.")
    raise UnreachableError(
        f"no mirror of this machine's apt gave {package.name} {package.version}",
        why=complaints,
        remedy="Look at the sources of apt, or try again when the mirror answers.",
    )


def _through(mirror: str, package: Package, target: Path, env: Mapping[str, str]) -> str:
    """Download from one mirror unless an earlier one gave the file; give apt's complaint, empty where it has none."""
    if target.is_file():
        return ""
    options = [word for option in _OPTIONS for word in ("-o", option)]
    url = mirror.rstrip("/") + "/" + package.path
    done = shell.run(
        [_helper(env), *options, "download-file", url, target, f"SHA256:{package.sha256}"], env=env, timeout=3600
    )
    if done.ok:
        return ""
    target.unlink(missing_ok=True)
    return next((line for line in done.stderr.splitlines() if line.startswith("E:")), done.stderr.strip())


def _helper(env: Mapping[str, str]) -> Path:
    """The helper program of apt lies beside its transport methods, wherever apt was installed."""
    done = shell.run(["apt-config", "shell", "METHODS", "Dir::Bin::methods/d"], env=env, timeout=60)
    return Path(done.stdout.strip().removeprefix("METHODS=").strip("'")).parent / "apt-helper"
