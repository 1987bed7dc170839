"""Unpacks archives into a directory and nowhere else."""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from factory.errors import SourceError
from factory.system import process
from factory.system.paths import inner

# What tarfile and the decompressors raise on archives that are cut, altered or hostile.
_DAMAGED = (tarfile.TarError, EOFError, OSError, ValueError, OverflowError, zlib.error, lzma.LZMAError)


def unpack_tar(archive: Path, into: Path) -> None:
    """Unpack a tar of any compression into ``into``, without the one directory all its names share.

    Files get the umask's mode, and the executable bit where they had it. Raises SourceError where
    the archive is damaged or a member would land or point outside, and OSError where it cannot be read or
    its files cannot be written. (``tarfile``'s own filter would do; the Python 3.11.2 of Debian 12 does
    not have it.)
    """
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                _place(tar, member, into)
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _damaged(archive, str(error)) from error


def differing(archive: Path, root: Path) -> Iterator[str]:
    """Yield what below ``root`` is not as ``unpack_tar`` made it of ``archive``, relative to it: altered, lost, added.

    Every byte is compared; a changed mode is not a difference. What the caller removed is among the lost.
    Raises SourceError where the archive is damaged.
    """
    there = {path.relative_to(root) for path in root.rglob("*") if path.is_symlink() or not path.is_dir()}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                path = Path(*PurePosixPath(member.name).parts[1:])
                if not member.isdir():
                    there.discard(path)
                    if not _same(tar, member, root / path):
                        yield str(path)
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(archive, str(error)) from error
    yield from sorted(map(str, there))


def _same(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bool:
    if member.issym() or path.is_symlink():
        return member.issym() and path.is_symlink() and str(path.readlink()) == member.linkname
    source = tar.extractfile(member)
    return source is not None and path.is_file() and path.read_bytes() == source.read()


def unpack_deb(archive: Path, into: Path) -> None:
    """Unpack the files of a Debian package into ``into``; nothing of it is run or registered.

    Raises SourceError where dpkg-deb is not there or does not accept the file.
    """
    done = process.run(["dpkg-deb", "--extract", archive, into])
    if not done.ok:
        raise _damaged(archive, done.stderr.strip())


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    path = inner(member.name)
    if len(path.parts) == 1:
        return
    target = into.joinpath(*path.parts[1:])
    _refuse_links_above(target, into)
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.isdir():
        target.mkdir(exist_ok=True)
    elif member.issym():
        inner(os.path.normpath(path.parent / member.linkname))
        target.symlink_to(member.linkname)
    elif member.isfile():
        _write(tar, member, target)
    else:
        msg = f"{member.name} is neither file, directory nor symbolic link"
        raise tarfile.TarError(msg)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = tar.extractfile(member)
    if source is None:
        msg = f"{member.name} has no content"
        raise tarfile.TarError(msg)
    with source, target.open("xb") as sink:
        shutil.copyfileobj(source, sink)
    if member.mode & 0o100:
        target.chmod(target.stat().st_mode | 0o111)


def _refuse_links_above(target: Path, into: Path) -> None:
    for parent in target.relative_to(into).parents:
        if (into / parent).is_symlink():
            msg = f"{target.relative_to(into)} would be written through a link"
            raise tarfile.TarError(msg)


def _damaged(archive: Path, reason: str) -> SourceError:
    return SourceError(f"{archive.name} cannot be unpacked", why=(reason,), remedy=f"Remove {archive} and try again.")
