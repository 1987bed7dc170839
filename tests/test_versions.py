from __future__ import annotations

import pytest

from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.versions import abi_word, cuda_major, cuda_token, python_tag, version_key
from tests.frozen import MATRIX

RULES = load_matrix(MATRIX.read_text())


def test_a_version_is_spelt_as_names_have_it() -> None:
    assert (cuda_token("12.4"), cuda_major("12.4"), python_tag("3.10")) == ("cu124", 12, "cp310")
    assert [abi_word(abi) for abi in (True, False)] == ["TRUE", "FALSE"]


def test_versions_sort_by_their_numbers() -> None:
    assert sorted(["3.10", "3.9", "3"], key=version_key) == ["3", "3.9", "3.10"]


def test_what_is_no_version_has_no_key() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        version_key("2.x")


def test_a_cell_is_made_with_the_build_of_its_cuda_and_abi() -> None:
    for cell in (row.cell for row in expand(RULES)):
        build = RULES.build_of(cell)
        assert build in RULES.torch[cell.torch].builds
        assert (build.cuda, build.cxx11abi) == (cell.cuda, cell.cxx11abi)
        assert cell.python in build.pythons
