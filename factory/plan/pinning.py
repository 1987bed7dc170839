"""Which builder images the workflows may use: those with a digest, others only where the matrix says so in words."""

from __future__ import annotations

from collections.abc import Iterable

from factory.errors import ImageError
from factory.matrix.kernelset import need_of
from factory.matrix.model import Cell, Matrix


def demand(cells: Iterable[Cell], matrix: Matrix) -> None:
    """Raise ImageError where an image that ``cells`` are built in may be another tomorrow and nobody accepted that."""
    if matrix.unpinned_images:
        return
    needs = dict.fromkeys((need.cuda, need.machine) for need in (need_of(cell, matrix) for cell in cells))
    images = [(cuda, matrix.toolkits[cuda].image_of(machine)) for cuda, machine in needs]
    loose = [f"CUDA {cuda}: {image.name}" for cuda, image in images if image and not image.pinned]
    if loose:
        raise ImageError(
            "the workflows build in no image without a digest",
            why=loose,
            remedy="Type: nox -s pin, and commit matrix.yaml. Or say there in words why not: unpinned_images: ...",
        )
