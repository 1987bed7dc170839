from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.toolkit.toolkit import FILES, TOOLS, missing, read_release, series

NVCC_12_4 = """\
nvcc: NVIDIA (R) Cuda compiler driver
Copyright (c) 2005-2024 NVIDIA Corporation
Built on Thu_Mar_28_02:18:24_PDT_2024
Cuda compilation tools, release 12.4, V12.4.131
Build cuda_12.4.r12.4/compiler.34097967_0
"""


def test_release_is_read_from_what_nvcc_prints() -> None:
    assert read_release(NVCC_12_4) == "12.4.131"
    assert series("12.4.131") == "12.4"


@pytest.mark.parametrize("text", ["", "nvcc: command not found", "release 12.4, V12.4", "V12.4.131"])
def test_no_release_where_nvcc_does_not_say_one(text: str) -> None:
    assert read_release(text) is None


@given(st.data())
def test_exactly_what_has_no_place_left_is_missing(data: st.DataObject) -> None:
    every = [place for places in (*TOOLS, *FILES) for place in places]
    here = data.draw(st.sets(st.sampled_from(every)))
    expected = {places[0] for places in (*TOOLS, *FILES) if not here.intersection(places)}
    assert set(missing(here.__contains__, here.__contains__)) == expected


def test_a_program_that_may_not_be_run_is_missing() -> None:
    assert missing(lambda _: False, lambda _: True) == tuple(places[0] for places in TOOLS)
