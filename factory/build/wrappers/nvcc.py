"""Stands in for nvcc: hands over the object compiled before, or refuses; it never compiles a kernel itself.

It refuses a source that is not in the set, flags other than those the object was compiled with, and an
object whose hash is wrong, so upstream's build can only ever link what it would have compiled.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from factory.build.wrappers.job import DriverJob, load, source_of

# Set by the factory (architectures, threads) or by torch for every extension; kernels see none of them.
_WITH_VALUE = {"-gencode", "--threads", "-t", "-ccbin", "-I", "-isystem", "--dependency-output", "-o"}
_ALONE = ("-I", "-isystem", "-DTORCH_", "-DPYBIND11_", "-D_GLIBCXX_USE_CXX11_ABI", "--generate-dependencies", "-ccbin")


class RefusedError(Exception):
    """The object asked for is not the one that was made."""


def flags_of(argv: list[str]) -> list[str]:
    """Return the flags of a compile that kernels depend on, in order."""
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif word not in {"-c", source_of(argv)} and not word.startswith(_ALONE):
            kept.append(word.strip("'"))
    return kept


def serve(argv: list[str], job: DriverJob) -> None:
    """Write the object of the compile ``argv`` where it wants it.

    Raises RefusedError where the set has not that very object, OSError where it cannot be read or written.
    """
    source = job.source(argv)
    if source not in job.objects:
        raise RefusedError(f"{source} is not one of the {len(job.objects)} units of this kernel set")
    if flags_of(argv) != list(job.nvcc_flags):
        wanted, given = set(job.nvcc_flags), set(flags_of(argv))
        raise RefusedError(
            f"setup.py compiles {source} with other flags than its object: "
            f"only here {sorted(given - wanted)}, only there {sorted(wanted - given)}, or in another order"
        )
    path, sha256 = job.objects[source]
    content = Path(path).read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RefusedError(f"the object of {source} changed after it was checked")
    Path(argv[argv.index("-o") + 1]).write_bytes(content)


def main(argv: list[str]) -> int:
    """Serve a compile and return its exit status; any other call becomes one of the real nvcc."""
    job = load()
    if "-c" not in argv or "-o" not in argv:
        os.execv(job.nvcc, [job.nvcc, *argv])  # noqa: S606 - becoming the compiler is the purpose
    try:
        serve(argv, job)
    except (RefusedError, OSError) as error:
        sys.stderr.write(f"wheel factory: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
