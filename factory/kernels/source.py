"""The sdist of flash-attn: fetched by hash, unpacked once, never run here.

``pip download`` would run its ``setup.py``, which imports torch; so the file itself is fetched from the
package index that pip or uv is configured for.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from factory.errors import DigestError, SourceError
from factory.matrix.model import FlashAttn
from factory.system.archive import differing, unpack_tar
from factory.system.cache import made_once, made_right
from factory.system.files import sha256_of
from factory.system.paths import below


def fetch(version: str, sha256: str, *, cache: Path, env: Mapping[str, str]) -> Path:
    """Return the path of the sdist of ``version``, downloaded if it is not in ``cache`` yet.

    Raises UnreachableError, SourceError (no such file there) or DigestError (other bytes).
    """
    directory = cache / "sdists" / f"{sha256[:16]}"
    archive = made_once(directory, lambda target: _download(version, sha256, target, env)) / _filename(version)
    if not archive.is_file():
        raise SourceError(
            f"{archive.name} cannot have the sha256 that matrix.yaml gives it",
            why=[f"{sha256} is that of {', '.join(sorted(path.name for path in directory.iterdir())) or 'no file'}"],
            remedy=f"Correct the version or its sha256 in matrix.yaml; if they are right, remove {directory}.",
        )
    if sha256_of(archive) != sha256:
        raise DigestError(
            f"the cached {archive.name} is damaged",
            why=[f"wanted sha256 {sha256}", f"found  sha256 {sha256_of(archive)}"],
            remedy=f"Remove {directory} and run the same command again.",
        )
    return archive


def unpack(archive: Path, *, sha256: str, leave_out: tuple[str, ...], cache: Path) -> Path:
    """Return the root of the unpacked sdist, without the paths in ``leave_out``; nobody writes into it.

    Raises SourceError when it is damaged or has no ``setup.py`` at its root.
    """
    return made_once(
        _place(sha256, leave_out, cache),
        lambda target: _extract(archive, target, leave_out),
    )


def place(release: FlashAttn, *, cache: Path) -> Path:
    """Return where the unpacked sdist of ``release`` is, or will be."""
    return _place(release.sha256, release.leave_out, cache)


def _place(sha256: str, leave_out: tuple[str, ...], cache: Path) -> Path:
    marks = "".join(sorted(leave_out)).replace("/", "-")
    return cache / "sources" / f"{sha256[:16]}{marks and '-without-'}{marks}"


def unpacked(release: FlashAttn, *, cache: Path, env: Mapping[str, str]) -> Path:
    """Return the root of the sdist of ``release``, fetched and unpacked if need be.

    Raises what ``fetch`` and ``unpack`` raise.
    """
    archive = fetch(release.version, release.sha256, cache=cache, env=env)
    return unpack(archive, sha256=release.sha256, leave_out=release.leave_out, cache=cache)


def checked(release: FlashAttn, *, cache: Path, env: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """Return the same root, every file of it compared with the sdist, whose hash is right; what differs is said.

    A tree that differs is unpacked anew. Two seconds of CPU; what is to be compiled is had here.
    Raises what ``fetch`` and ``unpack`` raise.
    """
    archive = fetch(release.version, release.sha256, cache=cache, env=env)
    root = place(release, cache=cache)
    wrong: list[str] = []

    def right() -> bool:
        wrong[:] = [path for path in differing(archive, root) if not _left_out(path, release.leave_out)]
        return not wrong

    def make(target: Path) -> None:
        if wrong:
            more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            say(f"{root} is not what {archive.name} holds ({wrong[0]}{more}): unpacking it anew")
        _extract(archive, target, release.leave_out)

    return made_right(root, make, right)


def _left_out(path: str, leave_out: tuple[str, ...]) -> bool:
    return any(PurePosixPath(path).is_relative_to(one) for one in leave_out)


def _filename(version: str) -> str:
    return f"flash_attn-{version}.tar.gz"


def _download(version: str, sha256: str, target: Path, env: Mapping[str, str]) -> None:
    from factory.system import packageindex  # noqa: PLC0415 - needed once a release, and half a second to load

    wanted = packageindex.File(project="flash-attn", name=_filename(version), sha256=sha256, pinned="matrix.yaml")
    packageindex.fetch(wanted, target, env)


def _extract(archive: Path, target: Path, leave_out: tuple[str, ...]) -> None:
    unpack_tar(archive, target)
    for path in leave_out:
        left_out = below(target, path)
        if left_out.is_symlink() or not left_out.is_dir():
            raise SourceError(
                f"{archive.name} has no directory {path}", remedy="Correct leave_out of this flash-attn in matrix.yaml."
            )
        shutil.rmtree(left_out)
    if not (target / "setup.py").is_file():
        raise SourceError(f"{archive.name} has no setup.py at its root")
