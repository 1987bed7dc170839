from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.index import published
from factory.index.published import Published
from tests.samplewheels import GUIDE, many, wheel


@settings(deadline=None, max_examples=40)
@given(st.permutations(many(30)))
def test_the_list_is_the_same_in_any_order_and_read_back(wheels: list[Published]) -> None:
    text = published.to_json(wheels)
    assert text == published.to_json(many(30))
    assert published.from_json(text) == tuple(published.ordered(wheels))


def test_an_empty_list() -> None:
    assert published.from_json(published.to_json([])) == ()


def test_names_are_spelt_out_for_programs() -> None:
    (row,) = json.loads(published.to_json([wheel()]))["wheels"]
    assert row["filename"] == GUIDE
    assert (row["flash_attn"], row["cuda_major"], row["cuda"]) == ("2.7.4.post1", 12, "12.4")
    assert (row["torch"], row["python"], row["cxx11abi"], row["profile"]) == ("2.6", "3.10", False, "full")
    assert row["gpu"] == {"verdict": "passed", "name": "NVIDIA H100 80GB HBM3"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"schema": 1', '"schema": 2', "schema"),
        ('"size": 1', '"size": -1', "size"),
        ('"sha256": "', '"sha256": "x', "sha256"),
        (GUIDE, "flash_attn-1-py3-none-any.whl", "is not named like"),
        ('"sm_80"', '"8.0"', "archs"),
    ],
)
def test_what_is_no_list_of_wheels_is_refused(old: str, new: str, complaint: str) -> None:
    text = published.to_json([wheel()])
    assert old in text
    with pytest.raises(ValueError, match=complaint):
        published.from_json(text.replace(old, new))


def test_a_name_stands_in_the_list_once() -> None:
    text = published.to_json([wheel(), wheel()])
    with pytest.raises(ValueError, match="more than once"):
        published.from_json(text)
