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
    makers = dict.fromkeys(need_of(cell, matrix).cuda for cell in cells)
    images = {cuda: matrix.toolkits[cuda].image for cuda in makers}
    loose = [f"CUDA {cuda}: {image.name}" for cuda, image in images.items() if image and not image.pinned]
    if loose:
        raise ImageError(
            "the workflows build in no image without a digest",
            why=loose,
            remedy="Type: nox -s pin, and commit matrix.yaml. Or say there in words why not: unpinned_images: ...",
        )
