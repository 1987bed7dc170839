"""Debian packages through the machine's own apt, as any user, without installing anything.

``apt-helper`` downloads with the mirror, proxies and credentials that apt is configured with here
and checks the sha256; it needs no package lists, so the release the package is from need not be
among this machine's sources.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from factory.errors import DigestError, UnreachableError
from factory.system import archive, process
from factory.system.files import sha256_of
from factory.toolkit.pins import Package
from factory.toolkit.source import Errand, megabytes

_OPTIONS = ("Acquire::http::Timeout=15", "Acquire::https::Timeout=15", "Acquire::Retries=2")


def mirrors_here(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the roots of the Debian archives that could be fetched from here; none of them is asked.

    Raises UnreachableError where apt knows none, or a program that fetching takes is not there.
    """
    mirrors = _mirrors(env)
    for program in (str(_helper(env)), "dpkg-deb"):
        if shutil.which(program, path=env.get("PATH")) is None:
            raise UnreachableError(
                f"{program}, which Debian packages are fetched with, is not there",
                remedy="Use a machine that runs Debian.",
            )
    return mirrors


def fetch(packages: Sequence[Package], errand: Errand) -> Mapping[str, Path]:
    """Download ``packages`` and return the unpacked tree of each by name (``factory.toolkit.source.Source``).

    Raises UnreachableError where apt has no mirror that gives one, DigestError where one gives another file, and
    SourceError where it cannot be unpacked.
    """
    mirrors = mirrors_here(errand.env)
    return {package.name: _one(package, errand, mirrors) for package in packages}


def _one(package: Package, errand: Errand, mirrors: Sequence[str]) -> Path:
    target = errand.downloads / Path(package.path).name
    if not _is(target, package):
        errand.say(f"  {package.name} {package.version} ({megabytes(package.size)}) through apt")
        _download(package, errand, mirrors).replace(target)
    tree = errand.trees / package.name
    archive.unpack_deb(target, tree)
    return tree


def _is(path: Path, package: Package) -> bool:
    return path.is_file() and sha256_of(path) == package.sha256


def _mirrors(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the roots of the Debian archives apt is configured with; all roots where it never fetched their labels."""
    labelled = _targets(env, "$(LABEL)\t$(REPO_URI)")
    debian = [row.partition("\t")[2] for row in labelled if row.startswith("Debian\t")]
    if mirrors := debian or ([] if labelled else _targets(env, "$(REPO_URI)", "--no-release-info")):
        return tuple(dict.fromkeys(mirrors))
    raise UnreachableError(
        "this machine's apt knows no Debian mirror",
        why=("apt-get indextargets lists none",),
        remedy="Use a machine that runs Debian.",
    )


def _targets(env: Mapping[str, str], form: str, *options: str) -> list[str]:
    return process.run(["apt-get", "indextargets", *options, "--format", form], env=env, timeout=60).stdout.splitlines()


def _download(package: Package, errand: Errand, mirrors: Sequence[str]) -> Path:
    """Try the mirrors in turn; the draft's directory is new each time, so no killed build still writes there."""
    target, complaints = errand.trees / f"{package.name}.deb", []
    for mirror in mirrors:
        complaints.append(_through(mirror, package, target, errand.env))
        if _is(target, package):
            return target
    if any("Hash Sum mismatch" in complaint for complaint in complaints):
        raise DigestError(f"{package.path} is not the file it must be", why=complaints, remedy="Try again.")
    raise UnreachableError(
        f"no mirror of this machine's apt gave {package.name} {package.version}",
        why=complaints,
        remedy="Look at the sources of apt, or try again when the mirror answers.",
    )


def _through(mirror: str, package: Package, target: Path, env: Mapping[str, str]) -> str:
    """Download from one mirror and give apt's complaint, empty where it has none."""
    options = [word for option in _OPTIONS for word in ("-o", option)]
    url, check = mirror.rstrip("/") + "/" + package.path, f"SHA256:{package.sha256}"
    done = process.run([_helper(env), *options, "download-file", url, target, check], env=env, timeout=3600)
    return next((line for line in done.stderr.splitlines() if line.startswith("E:")), done.stderr.strip())


def _helper(env: Mapping[str, str]) -> Path:
    """The helper program of apt lies beside its transport methods, wherever apt was installed."""
    done = process.run(["apt-config", "shell", "METHODS", "Dir::Bin::methods/d"], env=env, timeout=60)
    return Path(done.stdout.strip().removeprefix("METHODS=").strip("'")).parent / "apt-helper"
