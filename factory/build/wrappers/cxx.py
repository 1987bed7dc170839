"""Stands in for g++: adds the cell's flags to compiles and the bridge to torch to one, takes search paths out of links.

For a wheel for another machine it puts that machine's headers and libraries in the place of this one's.

Some interpreters (pyenv's, conda's) were built with a library search path, and hand it to every extension; it
names a directory of this machine and has no place in a wheel.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

from factory.build.wrappers.job import DriverJob, load

_LINKER = "-Wl,"
_SEARCH = ("-rpath", "--rpath", "-R")


def command(argv: list[str], job: DriverJob) -> list[str]:
    """Return the real command; the flags come last so that they win."""
    argv = [_placed(word, job.places) for word in argv]
    if "-c" in argv:
        bridge = ("-include", job.bridge) if job.source(argv) == job.bridged else ()
        return [job.cxx, *argv, *bridge, *job.cxx_flags]
    return [job.cxx, *(kept for word in argv for kept in _without_search(word))]


def _placed(word: str, places: Mapping[str, str]) -> str:
    """Return the word with the first of the directories that it is about, or that it lies below, in its new place."""
    for old, new in places.items():
        start, found, rest = word.partition(old)
        if found and rest[:1] in {"", "/"}:
            return f"{start}{new}{rest}"
    return word


def _without_search(word: str) -> Iterator[str]:
    """Return the word without ``-rpath,DIRECTORY``, ``-rpath=DIRECTORY`` or ``-RDIRECTORY``, if any is left."""
    if not word.startswith(_LINKER):
        yield word
        return
    options = iter(word.removeprefix(_LINKER).split(","))
    kept: list[str] = []
    for option in options:
        if option in _SEARCH:
            next(options, None)
        elif not option.startswith(("-rpath=", "--rpath=", "-R")):
            kept.append(option)
    if kept:
        yield _LINKER + ",".join(kept)


if __name__ == "__main__":
    real = command(sys.argv[1:], load())
    os.execv(real[0], real)  # noqa: S606 - becoming the compiler is the purpose; no shell is wanted
