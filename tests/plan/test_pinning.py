from __future__ import annotations

from dataclasses import replace

import pytest

from factory.errors import ImageError
from factory.matrix import cells
from factory.matrix.load import load as load_matrix
from factory.plan import pinning
from tests.frozen import MATRIX

RULES = load_matrix(MATRIX.read_bytes())
CELLS = [row.cell for row in cells.expand(RULES, profile="full") if row.cell.torch in {"2.5", "2.6"}]
SILENT = replace(RULES, unpinned_images="")


def test_the_workflows_refuse_an_image_without_a_digest_unless_the_matrix_accepts_it_in_words() -> None:
    pinning.demand(CELLS, RULES)
    with pytest.raises(ImageError) as caught:
        pinning.demand(CELLS, SILENT)
    assert [line[:10] for line in caught.value.why] == ["CUDA 12.4:", "CUDA 12.6:"]


def test_images_with_a_digest_need_no_words() -> None:
    pinned = {
        name: replace(row, image=row.image and replace(row.image, digest=f"sha256:{64 * '0'}"))
        for name, row in RULES.toolkits.items()
    }
    pinning.demand(CELLS, replace(SILENT, toolkits=pinned))


def test_left_out_words_accept_nothing() -> None:
    text = MATRIX.read_text()
    line = next(line for line in text.splitlines() if line.startswith("unpinned_images: "))
    assert load_matrix(text.replace(f"{line}\n", "")).unpinned_images == ""
