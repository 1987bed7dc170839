"""What an sdist of flash-attn installs: the Python files of its packages, and the licences that go along.

That is all a wheel of it may hold beside the extension and its own description. The lists of the releases known are
data, ``factory/data/installed``, which ``nox -s lock`` writes; of another sdist the list is read from the file itself.
Each is in the form that ``sha256sum`` writes, so that anybody can compare it with an unpacked sdist.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from factory.data import DATA
from factory.errors import SourceError
from factory.kernels import source
from factory.kernels.sdist import read_excluded
from factory.matrix.model import FlashAttn

LISTS = DATA / "installed"
# What setuptools packs without being told: https://setuptools.pypa.io/en/latest/userguide/miscellaneous.html and its
# `license_files`.
_LICENCES = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")
_INIT = "__init__.py"


def installed(release: FlashAttn, *, cache: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return the sha256 of each file that ``release`` installs, what the matrix leaves out apart.

    A path without a directory is a licence, which lies beside METADATA. Raises what ``source.fetch`` raises, and
    SourceError, where no list of this very sdist is here.
    """
    files = _listed(release)
    if files is None:
        files = of_sdist(source.fetch(release.version, release.sha256, cache=cache, env=env))
    left_out = tuple(f"{path}/" for path in release.leave_out)
    return {path: digest for path, digest in files.items() if not path.startswith(left_out)}


def of_sdist(archive: Path) -> dict[str, str]:
    """Return the sha256 of each file that the sdist ``archive`` installs, by path.

    Raises SourceError where its ``setup.py`` packs in a way that is not known here.
    """
    with tarfile.open(archive) as tar:
        members = {_below_root(member.name): member for member in tar if member.isfile()}

        def read(path: str) -> bytes:
            stream = tar.extractfile(members[path])
            assert stream is not None  # noqa: S101  # a plain file has content
            return stream.read()

        if "setup.py" not in members:
            raise SourceError(f"{archive.name} has no setup.py at its root")
        chosen = _installed(members, read_excluded(read("setup.py").decode()))
        return {path: hashlib.sha256(read(path)).hexdigest() for path in chosen}


def write(releases: Iterable[FlashAttn], *, cache: Path, env: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Write the list of each of ``releases`` anew, from its sdist. Raises what ``source.fetch`` and ``of_sdist`` do."""
    LISTS.mkdir(parents=True, exist_ok=True)
    for release in releases:
        say(f"listing what flash-attn {release.version} installs")
        files = of_sdist(source.fetch(release.version, release.sha256, cache=cache, env=env))
        list_path(release).write_text(to_text(release, files), encoding="utf-8")


def to_text(release: FlashAttn, files: Mapping[str, str]) -> str:
    """Return the list of ``release`` as it is kept."""
    head = f"# Installed by flash_attn-{release.version}.tar.gz, sha256 {release.sha256}. Written by nox -s lock.\n"
    return head + "".join(f"{digest}  {path}\n" for path, digest in sorted(files.items()))


def list_path(release: FlashAttn) -> Path:
    """Return where the list of ``release`` is kept."""
    return LISTS / f"flash_attn-{release.version}.sha256"


def _listed(release: FlashAttn) -> dict[str, str] | None:
    """Return the list that is kept, None where there is none of this very sdist."""
    path = list_path(release)
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    rows = [line.split("  ", 1) for line in text.splitlines() if not line.startswith("#")]
    files = {name: digest for digest, name in rows}
    return files if text == to_text(release, files) else None


def _below_root(name: str) -> str:
    return "/".join(PurePosixPath(name).parts[1:])


def _installed(paths: Iterable[str], excluded: tuple[str, ...]) -> list[str]:
    """Choose as setuptools does: the modules of the packages that ``find_packages`` gives, and licences."""
    there = sorted(paths)
    packages = {str(PurePosixPath(path).parent) for path in there if PurePosixPath(path).name == _INIT} - {"."}
    found = {package for package in packages if _is_found(package, packages, excluded)}
    modules = [path for path in there if path.endswith(".py") and str(PurePosixPath(path).parent) in found]
    return [*modules, *(path for path in there if any(fnmatchcase(path, pattern) for pattern in _LICENCES))]


def _is_found(package: str, packages: set[str], excluded: tuple[str, ...]) -> bool:
    """Whether ``find_packages`` comes upon it: each directory above is a package too, not skipped with all below."""
    parts = package.split("/")
    above = ["/".join(parts[:length]) for length in range(1, len(parts))]
    dotted = [one.replace("/", ".") for one in above]
    skipped = any(f"{one}*" in excluded or f"{one}.*" in excluded for one in dotted)
    reached = all(one in packages for one in above) and not any("." in part for part in parts) and not skipped
    return reached and not any(fnmatchcase(package.replace("/", "."), pattern) for pattern in excluded)
