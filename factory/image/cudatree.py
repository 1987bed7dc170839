"""A CUDA toolkit copied from this machine into a tree, whole by itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from factory.errors import ImageError, ToolkitError
from factory.toolkit import check
from factory.toolkit.toolkit import CudaToolkit


def copy(cuda: CudaToolkit, home: Path, memory: Path) -> None:
    """Copy ``cuda`` to ``home`` as its maker published it: what is mended depends on where it is used.

    Links that lead out of it are left behind. ``memory`` is a directory that keeps digests. Raises ImageError where
    that is not the same toolkit.
    """
    published = cuda.as_published
    shutil.copytree(published.home, home, symlinks=True)
    foreign = sorted(_foreign(home))
    for link in foreign:
        link.unlink()
    why = _unlike(published, home, memory)
    if why:
        raise ImageError(
            f"the copy of {published.home} is not the toolkit that is there",
            why=[*(f"{link.relative_to(home)} leads out of it" for link in foreign), *why],
            remedy="Unset CUDA_HOME to have a toolkit fetched.",
        )


def _unlike(published: CudaToolkit, home: Path, memory: Path) -> Sequence[str]:
    """Return why what is at ``home`` is not ``published``; nothing where it is."""
    try:
        copied = check.inspect(home, published.version, origin="the image", memory=memory)
    except ToolkitError as error:
        return error.why
    return () if copied.digest == published.digest else (f"sha256 {copied.digest}, not {published.digest}",)


def _foreign(home: Path) -> Iterator[Path]:
    """Yield the links below ``home`` with nothing behind them in an image, whatever is behind them here."""
    real = Path(os.path.realpath(home))
    for directory, below, files in os.walk(home):
        for link in (Path(directory, name) for name in (*below, *files)):
            if link.is_symlink() and not _inside(link, real):
                yield link


def _inside(link: Path, real: Path) -> bool:
    return not link.readlink().is_absolute() and Path(os.path.realpath(link)).is_relative_to(real)
