from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.metadata import parse_email

from factory.wheel import torchpin

HEAD = b"Metadata-Version: 2.4\nName: flash_attn\nVersion: 2.8.3.post2\n"
TEXT = b"\n\nRequires-Dist: torch\n"
SERIES = st.builds("2.{}".format, st.integers(0, 30))


@given(SERIES, st.permutations(["einops", "torch", "numpy>=1; python_version < '3.99'", "torchvision", "Torch>=1"]))
def test_torch_is_tied_and_all_else_stays(series: str, requires: list[str]) -> None:
    lines = [f"Requires-Dist: {one}\n".encode() for one in requires]
    made = torchpin.pin(HEAD + b"".join(lines)[:-1] + TEXT, series)
    read, unparsed = parse_email(made)
    others = [one for one in requires if one.lower().split(">")[0] != "torch"]
    assert unparsed == {}
    assert [one for one in read["requires_dist"] if one != f"torch=={series}.*"] == others
    assert read["requires_dist"].count(f"torch=={series}.*") == 1
    assert read["description"] == "Requires-Dist: torch\n"
    assert made.startswith(HEAD)
    assert torchpin.pinned_to(read["requires_dist"], series)
    assert not torchpin.pinned_to(read["requires_dist"], f"{series}1")
    assert torchpin.pin(made, series) == made


def test_a_metadata_without_a_text_is_tied_too() -> None:
    assert torchpin.pin(HEAD + b"Requires-Dist: torch\n", "2.6") == HEAD + b"Requires-Dist: torch==2.6.*\n"


@pytest.mark.parametrize("requires", [b"", b"Requires-Dist: einops\n", b"Requires-Dist: torch; extra == 'x'\n"])
def test_what_requires_no_torch_is_not_upstreams(requires: bytes) -> None:
    with pytest.raises(ValueError, match="no torch"):
        torchpin.pin(HEAD + requires + TEXT, "2.6")
