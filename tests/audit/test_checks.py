from __future__ import annotations

from dataclasses import replace

import pytest

from factory.matrix import wheelname
from factory.matrix.arch import Arch
from factory.matrix.model import Cell
from factory.wheel.facts import Expected, Member
from tests.wheelmaker import CHECK_SYMBOL

CELL = Cell(
    flash_attn="2.7.4.post1",
    cuda="12.4",
    torch="2.6",
    python="3.10",
    cxx11abi=False,
    profile="smoke",
    archs=(Arch(8, 0), Arch(9, 0, ptx=True)),
    machine="x86_64",
)


def test_the_name_of_a_cell_expects_the_same_as_the_cell_but_for_what_no_name_holds() -> None:
    by_cell = Expected.of_cell(CELL, check_symbol="f", manylinux="manylinux_2_28", build_paths=("/b",))
    assert (by_cell.archs, by_cell.check_symbol) == (CELL.archs, "f")
    by_name = Expected.of_name(wheelname.of(CELL))
    assert by_name.check_symbol == CHECK_SYMBOL
    assert replace(by_cell, cuda=None, archs=None, manylinux=None, build_paths=()) == replace(by_name, check_symbol="f")


@pytest.mark.parametrize("platform", ["linux_x86_64", "manylinux_2_28_x86_64", "manylinux2014_x86_64"])
def test_the_machine_is_read_from_the_platform_tag(platform: str) -> None:
    assert Expected.of_name(replace(wheelname.of(CELL), platform_tag=platform)).machine == "x86_64"


@pytest.mark.parametrize(
    ("name", "is_library", "is_module"),
    [
        ("flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so", False, True),
        ("libcudart.so.12", True, False),
        ("flash_attn.libs/anything-1.so", True, False),
        ("flash_attn/libc10.so", True, False),
        ("flash_attn/lib.py", False, False),
    ],
)
def test_libraries_and_modules_are_told_apart(name: str, *, is_library: bool, is_module: bool) -> None:
    member = Member(name=name, size=1, digest="", is_link=False)
    assert (member.is_library, member.is_module) == (is_library, is_module)
