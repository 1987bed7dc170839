"""Compiles a share of a kernel set with the toolkit as its maker published it; the header fixes are left out.

Run as a program, in the place of ``python -m factory kernels`` with the same selector.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from factory.cli import context
from factory.cli.parser import read
from factory.kernels import kernels, prepared
from factory.kernels.shard import Shard
from factory.matrix import kernelset


def main(words: list[str]) -> None:
    arguments = read(["kernels", *words])
    matrix = context.matrix()
    session = context.session(arguments, matrix)
    (need,) = {kernelset.need_of(row.cell, matrix) for row in context.select(arguments, matrix)}
    mended = kernels.note(prepared.set_wanted(need, matrix), session)
    published = mended.toolkit.as_published
    assert mended.toolkit.mended, "there is nothing mended to compare with"
    assert published.nvcc != mended.toolkit.nvcc
    plain = replace(mended, toolkit=published, nvcc=(str(published.nvcc), *mended.nvcc[1:]))
    shard: Shard = arguments.shard
    assert kernels.compile_missing(kernels.shared(plain, shard), plain, session) == (1, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
