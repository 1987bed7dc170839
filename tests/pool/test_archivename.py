from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.pool.archivename import BLOCK, Member, file_names, split, stored

HASH = "0123456789abcdef" * 4
NAMES = [
    f"objects/{HASH}",
    f"parts/{HASH}.json",
    "sets/kernels-2.7.4.post1-cu124-sm80.90a.89ptx-smoke-gcc12.2.0-0a1b2c3d4e5f.json",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_read_back(name: str) -> None:
    assert str(Member.parse(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        f"/objects/{HASH}",
        f"./objects/{HASH}",
        f"objects/../{HASH}",
        f"objects/{HASH}\n",
        f"objects/{HASH}/a",
        f"objects/{HASH[1:]}",
        f"objects/{HASH.upper()}",
        f"parts/{HASH}",
        f"parts/{HASH}.json.json",
        "sets/../../evil.json",
        "sets/kernels-/../a.json",
        "sets/kernels-.json",
        "sets/other.json",
        f"sets/kernels-{'a' * 88}.json",
        "objects/" + "\N{ARABIC-INDIC DIGIT ONE}" * 64,
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of an object, a part or a set"):
        Member.parse(name)


@given(st.lists(st.integers(0, 50)), st.integers(50, 200))
def test_a_split_keeps_all_in_order_and_fills_each_run(sizes: list[int], limit: int) -> None:
    runs = split(sizes, lambda size: size, limit)
    assert [size for run in runs for size in run] == sizes
    assert all(sum(run) <= limit for run in runs)
    assert all(sum(run) + after[0] > limit for run, after in pairwise(runs))


def test_what_never_fits_is_refused() -> None:
    with pytest.raises(ValueError, match="11 bytes do not fit into an archive of 10"):
        split([1, 11], lambda size: size, 10)


def test_a_tar_is_made_of_blocks() -> None:
    assert [stored(size) // BLOCK for size in (0, 1, 512, 513)] == [1, 2, 2, 3]


def test_archives_of_a_split_set_are_counted() -> None:
    assert file_names("kernels-a", 1) == ["kernels-a.tar.zst"]
    assert file_names("kernels-a", 3) == [f"kernels-a.{number}of3.tar.zst" for number in (1, 2, 3)]
