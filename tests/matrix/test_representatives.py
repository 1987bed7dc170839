from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Cell, Representative, State
from factory.matrix.representatives import divide, kin
from tests.frozen import MATRIX

RULES = load_matrix(MATRIX.read_text())
CELLS = [row.cell for row in expand(RULES) if row.state is State.BUILD]


def kernels(cells: tuple[Cell, ...] | list[Cell]) -> set[tuple[str, str, str, bool]]:
    return {(cell.flash_attn, cell.cuda, cell.torch, cell.cxx11abi) for cell in cells}


@given(st.lists(st.sampled_from(CELLS), unique=True), st.sampled_from(Representative))
def test_every_toolkit_torch_and_abi_is_tried_and_every_cell_is_seen(cells: list[Cell], rule: Representative) -> None:
    made = divide(cells, rule)
    assert kernels(made.tried) == kernels(cells)
    assert sorted((*made.tried, *made.imported)) == sorted(cells)
    assert rule is Representative.ALL or len(made.tried) == len(kernels(cells))


@pytest.mark.parametrize(("rule", "python"), [(Representative.NEWEST, "3.14"), (Representative.OLDEST, "3.10")])
def test_pythons_are_ordered_as_numbers(rule: Representative, python: str) -> None:
    of_one = [cell for cell in CELLS if (cell.torch, cell.cuda) == ("2.11", "13.0")]
    assert len(of_one) == 5
    assert [cell.python for cell in divide(of_one, rule).tried] == [python]


def test_all_leaves_none_that_is_only_imported() -> None:
    assert divide(CELLS, Representative.ALL).imported == ()


def test_no_gpu_tries_what_is_for_another_machine() -> None:
    cells = [row.cell for row in expand(RULES) if (row.cell.torch, row.cell.cuda) == ("2.11", "13.0")]
    foreign = {cell for cell in cells if cell.machine == "aarch64"}
    assert foreign
    for rule in Representative:
        made = divide(cells, rule)
        assert foreign <= set(made.imported)
        assert made.tried


def test_kernels_are_the_same_for_every_python_and_machine() -> None:
    cells = [row.cell for row in expand(RULES) if row.cell.torch == "2.11"]
    assert {cell.machine for cell in cells} == {"x86_64", "aarch64"}
    assert len({kin(cell) for cell in cells}) == len({(cell.cuda, cell.flash_attn) for cell in cells})
