"""Looks at a toolkit on disk: complete or not, which release, and what it is made of."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from factory.errors import ToolkitError
from factory.system import files, process, strictjson
from factory.system.files import sha256_of
from factory.toolkit.toolkit import (
    FILES,
    HOST_FILES,
    HOST_TOOLS,
    TOOLS,
    CudaRuntime,
    CudaToolkit,
    missing,
    read_release,
    series,
)


def inspect(home: Path, version: str, *, origin: str, memory: Path) -> CudaToolkit:
    """Return the toolkit at ``home``; ``memory`` is a directory that keeps digests between runs.

    Raises ToolkitError, with every complaint, where it is not a complete toolkit of ``version`` (``12.4``).
    """
    release, digest = _inspected(home, version, lacking(home), origin, memory)
    return CudaToolkit(version=version, home=home, release=release, digest=digest, origin=origin)


def inspect_runtime(home: Path, version: str, *, origin: str, memory: Path) -> CudaRuntime:
    """Return the headers and libcudart at ``home``, whatever else lies there; ``memory`` is as for ``inspect``.

    Raises ToolkitError, with every complaint, where they are not those of ``version`` (``12.4``), or not all.
    """
    release, digest = _inspected(home, version, lacking_for_host(home), origin, memory)
    return CudaRuntime(version=version, home=home, release=release, digest=digest, origin=origin)


def _inspected(home: Path, version: str, absent: Sequence[str], origin: str, memory: Path) -> tuple[str, str]:
    """Return the release and the digest of what is at ``home`` and lacks ``absent``."""
    release = release_of(home)
    complaints = [f"missing: {', '.join(absent)}"] if absent else []
    if release is None and "bin/nvcc" not in absent:
        complaints.append("its nvcc does not say its version")
    elif release is not None and series(release) != version:
        complaints.insert(0, f"it is CUDA {series(release)} ({release})")
    if complaints or release is None:
        raise ToolkitError(
            f"{origin}: {home} is not a complete CUDA {version}",
            why=complaints,
            remedy=f"Point CUDA_HOME to a complete CUDA {version}, or unset it to have one fetched.",
        )
    return release, digest_of(home, memory)


def release_of(home: Path) -> str | None:
    """Return the exact release, ``12.4.131``, that the nvcc below ``home`` says; None where there is no answer."""
    try:
        return read_release(process.run([home / "bin" / "nvcc", "--version"], timeout=60).stdout)
    except OSError:  # not a program of this machine
        return None


def lacking(home: Path) -> tuple[str, ...]:
    """Return the files that a toolkit at ``home`` should have and that are not there, or may not be read."""
    return missing(partial(_runs, home), partial(_there, home))


def lacking_for_host(home: Path) -> tuple[str, ...]:
    """Return the files that host code of a CUDA at ``home`` needs and that are not there, or may not be read."""
    return missing(partial(_runs, home), partial(_there, home), HOST_TOOLS, HOST_FILES)


def digest_of(home: Path, memory: Path) -> str:
    """Return a sha256, in hexadecimal, over the bytes of the compiler programs, libdevice and headers below ``home``.

    Hashing takes about a second, so the result is kept in ``memory`` under the size, times and inode
    of every file: whoever changes one of them changes that key. Raises OSError where one cannot be read.
    """
    files = dict(_identity(home))
    stamp = _hash([f"{name} {_stat(path)}" for name, path in files.items()])
    note = memory / f"{hashlib.sha256(os.fsencode(home)).hexdigest()[:24]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError):
        kept = strictjson.table(note.read_bytes())
        if kept["stamp"] == stamp:
            return str(kept["digest"])
    digest = _hash([f"{name} {sha256_of(path)}" for name, path in files.items()])
    _keep(note, {"home": str(home), "stamp": stamp, "digest": digest})
    return digest


def _keep(note: Path, content: dict[str, str]) -> None:
    note.parent.mkdir(parents=True, exist_ok=True)
    draft = note.with_name(f"{note.name}.{os.getpid()}")
    draft.write_text(json.dumps(content))
    draft.replace(note)


def _identity(home: Path) -> Iterator[tuple[str, Path]]:
    """Name every file that decides what the compiler makes, in an order that depends on the names only."""
    for places in (*TOOLS, ("bin/nvcc.profile",), FILES[0]):
        yield from ((places[0], home / place) for place in places if (home / place).is_file())
    include = Path(os.path.realpath(home / "include"))
    seen: set[str] = set()
    for directory, below, names in os.walk(include, followlinks=True):
        real = os.path.realpath(directory)
        if real in seen:  # a link that leads back
            below.clear()
            continue
        seen.add(real)
        below.sort()
        for name in sorted(names):
            path = Path(directory, name)
            if path.is_file():
                yield f"include/{path.relative_to(include)}", path


def _hash(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def _stat(path: Path) -> str:
    s = path.stat()
    return f"{s.st_size} {s.st_mtime_ns} {s.st_ctime_ns} {s.st_dev} {s.st_ino}"


def _runs(home: Path, place: str) -> bool:
    return _there(home, place) and os.access(home / place, os.X_OK)


def _there(home: Path, place: str) -> bool:
    return files.is_file(home / place)
