"""Stands in for g++: adds the cell's flags to every compile and leaves links and questions alone."""

from __future__ import annotations

import os
import sys

from factory.driver.job import load


def command(argv: list[str], cxx: str, flags: tuple[str, ...]) -> list[str]:
    """Give the real command; the flags come last so that they win."""
    return [cxx, *argv, *flags] if "-c" in argv else [cxx, *argv]


if __name__ == "__main__":
    job = load()
    real = command(sys.argv[1:], job.cxx, tuple(job.cxx_flags))
    os.execv(real[0], real)  # noqa: S606 - becoming the compiler is the purpose; no shell is wanted
