from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.utils import parse_wheel_filename

from factory.matrix import wheelname
from factory.matrix.arch import Arch
from factory.matrix.model import Cell
from factory.platforms import platforms

GUIDE = "flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp310-cp310-linux_x86_64.whl"


def cell_of(cuda: str, torch: str, python: str, profile: str, *, abi: bool) -> Cell:
    return Cell(
        flash_attn="2.7.4.post1",
        cuda=cuda,
        torch=torch,
        python=python,
        cxx11abi=abi,
        profile=profile,
        archs=(Arch(8, 0),),
        machine="x86_64",
    )


CELLS = st.builds(
    cell_of,
    st.from_regex(r"1[0-9]\.[0-9]", fullmatch=True),
    st.from_regex(r"[1-9]\.(0|[1-9][0-9]?)", fullmatch=True),
    st.from_regex(r"[1-9]\.(0|[1-9][0-9]?)t?", fullmatch=True),
    st.sampled_from(["full", "inference", "smoke"]),
    abi=st.booleans(),
).flatmap(lambda cell: st.sampled_from([replace(cell, machine=machine) for machine in platforms()]))


def test_the_guides_name() -> None:
    cell = cell_of("12.4", "2.6", "3.10", "full", abi=False)
    assert wheelname.wheel_filename(cell) == GUIDE
    assert wheelname.local_version(cell) == "cu12torch2.6cxx11abiFALSE"
    assert wheelname.release_tag(cell.flash_attn) == "v2.7.4.post1"


def test_another_profile_stands_in_the_name() -> None:
    assert wheelname.local_version(cell_of("13.0", "2.10", "3.14", "smoke", abi=True)) == (
        "cu13torch2.10cxx11abiTRUE.smoke"
    )


def test_a_free_threaded_python_has_two_tags() -> None:
    name = wheelname.wheel_filename(cell_of("13.0", "2.11", "3.14t", "full", abi=True))
    assert name.endswith("-cp314-cp314t-linux_x86_64.whl")
    assert wheelname.parse(name).python == "3.14t"


def test_the_name_is_read_with_its_letter_case() -> None:
    read = wheelname.parse(GUIDE.lower())
    assert read == wheelname.parse(GUIDE)
    assert read.filename == GUIDE
    assert (read.version, read.cuda_major, read.torch, read.python) == ("2.7.4.post1", 12, "2.6", "3.10")
    assert (read.cxx11abi, read.profile, read.platform_tag) == (False, "full", "linux_x86_64")


@given(CELLS)
def test_what_is_written_is_read_back(cell: Cell) -> None:
    name = wheelname.wheel_filename(cell)
    assert wheelname.parse(name) == wheelname.of(cell)
    assert wheelname.parse(name).filename == name


@given(CELLS)
def test_installers_read_the_version_that_metadata_holds(cell: Cell) -> None:
    name = wheelname.wheel_filename(cell)
    version = f"{cell.flash_attn}+{wheelname.local_version(cell)}"
    assert str(parse_wheel_filename(name)[1]) == version.lower()


@given(CELLS)
def test_the_name_setuptools_gives_is_the_same_wheel(cell: Cell) -> None:
    name = wheelname.wheel_filename(cell)
    assert parse_wheel_filename(name) == parse_wheel_filename(name.lower())


@given(CELLS, CELLS)
def test_other_wheels_are_not_the_same(left: Cell, right: Cell) -> None:
    names = wheelname.wheel_filename(left), wheelname.wheel_filename(right)
    assume(names[0] != names[1])
    assert parse_wheel_filename(names[0]) != parse_wheel_filename(names[1])


@pytest.mark.parametrize(
    ("filename", "said"),
    [
        ("", "Invalid wheel filename"),
        ("flash_attn.tar.gz", "Invalid wheel filename"),
        (GUIDE.replace("flash_attn", "torch"), "not named like"),
        (GUIDE.replace("+cu12torch2.6cxx11abiFALSE", ""), "not named like"),
        (GUIDE.replace("cu12", "cpu"), "not named like"),
        (GUIDE.replace("FALSE", "MAYBE"), "not named like"),
        (GUIDE.replace("-cp310-cp310", "-1-cp310-cp310"), "not named like"),
        (GUIDE.replace("2.7.4", "1!2.7.4"), "not named like"),
        (GUIDE.replace("cp310-cp310", "cp310-abi3"), "cp310-abi3"),
        (GUIDE.replace("cp310-cp310", "py3-none"), "py3-none"),
        (GUIDE.replace("cp310-cp310", "cp310t-cp310t"), "cp310t-cp310t"),
        (GUIDE.replace("cp310-cp310", "cp31-cp310t"), "cp31-cp310t"),
        (GUIDE.replace("linux_x86_64", "linux_x86_64/../../evil"), "tag"),
        (GUIDE.replace("linux_x86_64", "linux_x86_64\n"), "platform tag"),
        (GUIDE.replace("linux_x86_64", "linux_x86_64.manylinux1_x86_64"), "has 2 tags"),
    ],
)
def test_other_names_are_refused(filename: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wheelname.parse(filename)


@given(st.text() | st.text(alphabet="-+._abclpwhx0123456789").map("flash_attn-2+{}.whl".format))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = wheelname.parse(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, each has its own check
        return
    assert wheelname.parse(read.filename) == read
