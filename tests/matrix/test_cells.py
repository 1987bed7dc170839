from __future__ import annotations

import pytest

from factory.errors import SelectorError
from factory.matrix.arch import Arch
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Planned, State
from tests.frozen import MATRIX

REAL = load_matrix(MATRIX.read_text())
PLANNED = expand(REAL)


def at(cell: str) -> Planned:
    [found] = [row for row in PLANNED if row.cell.id == f"{cell} x86_64"]
    return found


def test_the_guides_wheel_is_built() -> None:
    row = at("cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1")
    assert row.state is State.BUILD
    assert row.cell.archs == (Arch(8, 0), Arch(9, 0))


def test_every_cell_is_a_fact() -> None:
    for cell in (row.cell for row in PLANNED):
        [build] = [build for build in REAL.torch[cell.torch].builds if build.cuda == cell.cuda]
        assert cell.cxx11abi == build.cxx11abi
        assert cell.python in build.pythons
        release = REAL.flash_attn[cell.flash_attn]
        assert cell.torch in release.torch + release.on_request


def test_a_cell_is_there_once() -> None:
    assert len({row.cell.id for row in PLANNED}) == len(PLANNED)


def test_every_choice_is_a_cell() -> None:
    chosen = {
        (flash_attn, series, cuda, python)
        for series, choice in REAL.choices.items()
        for flash_attn in choice.flash_attn
        for cuda in choice.cuda
        for python in choice.pythons
    }
    built = {
        (row.cell.flash_attn, row.cell.torch, row.cell.cuda, row.cell.python)
        for row in PLANNED
        if row.state is State.BUILD
    }
    assert built == chosen


@pytest.mark.parametrize(
    ("cell", "state", "reason"),
    [
        ("cu126 torch2.6 cp310 abiTRUE fa2.7.4.post1", State.BUILD, "chosen by wheels.2.6"),
        ("cu126 torch2.8 cp310 abiTRUE fa2.8.3.post2", State.ON_REQUEST, "its published name is taken by cu128 torch2"),
        ("cu124 torch2.6 cp310 abiFALSE fa2.8.3.post2", State.ON_REQUEST, "flash-attn 2.8.3.post2 is not the default"),
        ("cu130 torch2.14 cp310 abiTRUE fa2.8.3.post2", State.BUILD, "chosen by wheels.2.14"),
        ("cu132 torch2.15 cp311 abiTRUE fa2.8.3.post2", State.BUILD, "chosen by wheels.2.15"),
        ("cu130 torch2.9 cp310 abiTRUE fa2.7.4.post1", State.SKIPPED, "the CUTLASS inside flash-attn 2.7.4.post1 is "),
    ],
)
def test_every_state_has_its_reason(cell: str, state: State, reason: str) -> None:
    row = at(cell)
    assert (row.state, row.reason[: len(reason)]) == (state, reason)


def test_other_architectures_are_taken_where_the_toolkit_makes_them() -> None:
    rows = expand(REAL, "smoke", [Arch(12, 0), Arch(8, 6)])
    reasons = {row.cell.cuda: row.reason for row in rows if row.state is State.SKIPPED and row.cell.torch == "2.6"}
    assert reasons["12.4"] == "CUDA 12.4 cannot make 12.0; it makes 8.0, 8.6, 8.7, 8.9, 9.0, 9.0a"
    built = [row.cell for row in rows if row.state is State.BUILD]
    assert {cell.cuda for cell in built} == {"12.8", "13.0", "13.2"}
    assert {cell.archs for cell in built} == {(Arch(8, 6), Arch(12, 0))}
    assert {cell.profile for cell in built} == {"smoke"}


def test_architectures_without_kernels_are_skipped_everywhere() -> None:
    rows = expand(REAL, archs=[Arch(7, 5)])
    assert {row.state for row in rows} == {State.SKIPPED}
    assert any("flash-attn has no kernels for 7.5" in row.reason for row in rows)


def test_an_unknown_profile_is_refused_with_the_nearest() -> None:
    with pytest.raises(SelectorError, match="did you mean smoke"):
        expand(REAL, "smok")
