"""What a builder image made on this machine holds: its name, its packages, where things stand in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from factory.versions import python_tags

PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
"""The interpreters that are put in where this machine has them."""

UTILITY = "3.9"
"""What cibuildwheel runs its own helpers with, whatever it builds for (``UTILITY_PYTHON`` in its oci_container.py)."""

FACTORY = PYTHONS[2:]
"""Those that run the factory itself in a container; one must be there."""

PACKAGES = ("ca-certificates", "file", "g++", "gcc", "git", "make", "python3", "xz-utils")
"""Debian's packages beside the smallest system; the libraries of the interpreters come on top."""

BUNDLE = PurePosixPath("/etc/ssl/certs/ca-certificates.crt")
"""The certificates of the authorities that Debian's programs trust."""

LINKER_CONFIG = PurePosixPath("/etc/ld.so.conf.d/opt-python.conf")
"""Where the dynamic linker reads in which directories the interpreters' libraries are."""

LEFT_BEHIND = ("./dev/*", "./proc/*", "./run/*", "./sys/*", "./tmp/*", "./var/cache/apt/*", "./var/lib/apt/lists/*")
"""What of the tree is no part of the image, as patterns of ``tar``."""

# Directories of the standard library: tests, what was installed beside it, and what only a screen can show.
_UNWANTED_PLACES = ("test", "site-packages", "dist-packages", "idlelib", "tkinter", "turtledemo")
_UNWANTED_NAMES = ("test", "tests", "EXTERNALLY-MANAGED")
_UNWANTED_ENDINGS = (".a", ".opt-1.pyc", ".opt-2.pyc")
_USED = "ssl, sqlite3, ctypes, lzma, bz2, zlib, readline, venv"


def name(version: str) -> str:
    """Return the name of the image with CUDA ``version``: ``localhost/flash-attn-builder:cuda12.4``."""
    return f"localhost/flash-attn-builder:cuda{version}"


def cuda_home(version: str) -> PurePosixPath:
    """Return where its toolkit stands: ``/usr/local/cuda-12.4``."""
    return PurePosixPath(f"/usr/local/cuda-{version}")


def python_home(version: str) -> PurePosixPath:
    """Return where manylinux images have CPython ``version``: ``/opt/python/cp310-cp310``."""
    return PurePosixPath(f"/opt/python/{python_tags(version)}")


def changes(version: str) -> tuple[str, ...]:
    """Return the image's own settings, as ``import --change`` takes them."""
    return (
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"ENV CUDA_HOME={cuda_home(version)}",
    )


def linker_config(pythons: Iterable[str]) -> str:
    """Return the content of ``LINKER_CONFIG``."""
    return "".join(f"{python_home(python) / 'lib'}\n" for python in pythons)


def left_out(directory: PurePosixPath, names: Iterable[str]) -> set[str]:
    """Return those ``names`` of ``directory``, relative to the standard library, that an image need not hold."""
    unwanted = _UNWANTED_NAMES if directory.parts else _UNWANTED_NAMES + _UNWANTED_PLACES
    return {each for each in names if each in unwanted or each.endswith(_UNWANTED_ENDINGS)}


def trial(version: str, pythons: Sequence[str]) -> str:
    """Return the shell script that a container of a working image runs to its end."""
    lines = ["set -ex", "g++ --version", "git --version", '"$CUDA_HOME/bin/nvcc" --version', f"test -s {BUNDLE}"]
    lines.append(f'test "$CUDA_HOME" = {cuda_home(version)}')
    for python in pythons:
        bin_ = python_home(python) / "bin"
        lines += [f"{bin_}/python -c 'import {_USED}'", f"{bin_}/pip --version"]
    return "\n".join(lines)
