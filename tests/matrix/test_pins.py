from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import MatrixError
from factory.matrix.load import load as load_matrix
from factory.matrix.pins import pinned
from tests.frozen import MATRIX

TEXT = re.sub(r"digest: sha256:\w+", "digest: null", MATRIX.read_text(encoding="utf-8"))
IMAGES = {cuda: kit.image for cuda, kit in load_matrix(TEXT).toolkits.items() if kit.image}
NAME = IMAGES["12.6"].name
OLD, NEW = "sha256:" + "01" * 32, "sha256:" + "ab" * 32
ENTRY = re.compile(r"^    image:.*\n(?:      .*\n)*", re.MULTILINE)
DIGESTS = st.from_regex(r"\Asha256:[0-9a-f]{64}\Z")

STYLES = [
    '    image: {{name: "{name}", digest: {digest}, manylinux: 2.28}}\n',
    "    image: {{digest:   {digest}  , name: '{name}', manylinux: 2.28}}  # digest: null\n",
    '    image: {{"digest":{digest},"name":"{name}","manylinux":2.28}}\n',
    "    image: {{\n      name: {name},  # digest: null\n      manylinux: 2.28,\n      digest: {digest}\n    }}\n",
    "    image:\n      name: {name}\n      digest: {digest}\n      manylinux: 2.28\n",
    "    image:\n      # digest: null\n      digest:   {digest}   # why\n\n      manylinux: 2.28\n      name: {name}\n",
]
NOWS = ["~", f'"{OLD}"', f"'{OLD}'", OLD]


def text_with(style: str, now: str) -> str:
    """Give the matrix with the entry of NAME written in another way."""
    return ENTRY.sub(lambda entry: style.format(name=NAME, digest=now) if NAME in entry[0] else entry[0], TEXT)


@pytest.mark.parametrize(
    ("style", "now"), [*((style, "null") for style in STYLES), *((STYLES[0], now) for now in NOWS), (STYLES[4], OLD)]
)
def test_only_the_digest_changes(style: str, now: str) -> None:
    assert pinned(text_with(style, now), "12.6", NEW) == text_with(style, NEW)


@pytest.mark.parametrize(
    ("style", "after"),
    [
        ("digest:\n", f"digest: {NEW}\n"),
        ("digest:  # later\n", f"digest: {NEW}  # later\n"),
        ("digest: \n", f"digest: {NEW} \n"),
    ],
)
def test_an_empty_digest_is_filled_in(style: str, after: str) -> None:
    start = f"    image:\n      name: {NAME}\n      manylinux: 2.28\n      "
    assert pinned(text_with(start + style, ""), "12.6", NEW) == text_with(start + after, "")


@settings(deadline=None, max_examples=5)
@given(st.dictionaries(st.sampled_from(list(IMAGES)), DIGESTS, max_size=3))
def test_pins_are_read_back_each_at_its_own_toolkit(digests: dict[str, str]) -> None:
    made = TEXT
    for cuda, digest in digests.items():
        made = pinned(made, cuda, digest)
        assert pinned(made, cuda, digest) == made
    images = {cuda: kit.image for cuda, kit in load_matrix(made).toolkits.items()}
    assert {cuda: image.digest for cuda, image in images.items() if image and image.digest} == digests
    assert re.sub(r"digest: sha256:[0-9a-f]{64}", "digest: null", made) == TEXT


def test_an_image_of_another_machine_has_a_digest_of_its_own() -> None:
    made = pinned(TEXT, "13.0", NEW, machine="aarch64")
    kit = load_matrix(made).toolkits["13.0"]
    assert kit.images["aarch64"].digest == NEW
    assert kit.image == IMAGES["13.0"]
    assert made.replace(NEW, "null") == TEXT
    assert pinned(TEXT, "13.0", NEW, machine="x86_64") == pinned(TEXT, "13.0", NEW)
    with pytest.raises(MatrixError, match=r"CUDA 12\.6 cannot be changed alone") as caught:
        pinned(TEXT, "12.6", NEW, machine="aarch64")
    assert "images.aarch64" in caught.value.remedy


@pytest.mark.parametrize("change", [lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text])
def test_line_ends_and_marks_of_other_systems_stay(change: object) -> None:
    assert callable(change)
    assert pinned(change(TEXT), "12.6", NEW) == change(pinned(TEXT, "12.6", NEW))


def test_a_digest_that_serves_two_is_left_alone() -> None:
    shared = text_with(STYLES[0].replace("image: ", "image: &shared "), "null")
    shared = ENTRY.sub(lambda entry: "    image: *shared\n" if IMAGES["13.2"].name in entry[0] else entry[0], shared)
    with pytest.raises(MatrixError, match=r"CUDA 12\.6 cannot be changed alone"):
        pinned(shared, "12.6", NEW)


@pytest.mark.parametrize(
    "style",
    [
        "    image: {{<<: {{name: {name}, digest: {digest}, manylinux: 2.28}}}}\n",
        "    image:\n      name: {name}\n      digest: >-\n        {digest}\n      manylinux: 2.28\n",
        "    image: null\n",
    ],
)
def test_a_digest_without_a_place_is_refused(style: str) -> None:
    with pytest.raises(MatrixError, match=r"CUDA 12\.6 cannot be changed alone") as caught:
        pinned(text_with(style, OLD), "12.6", NEW)
    assert "cuda.12.6" in caught.value.remedy


def test_what_is_no_digest_is_not_written() -> None:
    with pytest.raises(MatrixError, match="cannot be changed alone"):
        pinned(TEXT, "12.6", "latest")


def test_an_unknown_toolkit_is_refused() -> None:
    with pytest.raises(MatrixError, match=r"CUDA 99\.9"):
        pinned(TEXT, "99.9", NEW)
