from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.matrix.arch import Arch
from factory.wheel import fatbin
from factory.wheel.fatbin import Fatbin, FatbinError, GpuCode

SAMPLES = Path(__file__).parents[1] / "data" / "fatbin"
NAMES = ["cu124_80", "cu124_80_90", "cu124_units", "cu130_families", "cu130_plain", "cu135_concat"]

EMPTY = b"\x50\xed\x55\xba\1\0\x10\0" + bytes(8)


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.bin").read_bytes()


def parsed(section: bytes) -> tuple[Fatbin, ...]:
    return fatbin.units(section, fatbin.rows(section))


def by_cuobjdump(name: str) -> list[tuple[str, str]]:
    listed = re.findall(r"\.sm_(\d+[af]?)\.(cubin|ptx)", (SAMPLES / f"{name}.txt").read_text())
    return sorted(("real" if kind == "cubin" else "ptx", number) for number, kind in listed)


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_cuobjdump(name: str) -> None:
    images = [image for unit in parsed(sample(name)) for image in unit.images]
    # cuobjdump names machine code of a family (sm_120f) without its letter, PTX of one with it.
    ours = [(i.kind, i.arch.number.rstrip("f") if i.kind == "real" else i.arch.number) for i in images]
    assert sorted(ours) == by_cuobjdump(name)


def test_suffixes_are_read_from_the_entry() -> None:
    (unit,) = parsed(sample("cu130_families"))
    assert sorted(map(str, unit.images)) == [
        "compute_120f",
        "compute_90a",
        "sm_100",
        "sm_100a",
        "sm_120a",
        "sm_120f",
        "sm_80",
        "sm_90a",
    ]


def test_concatenated_images_are_read_from_their_list() -> None:
    first, second = parsed(sample("cu135_concat"))
    assert set(first.images) == set(second.images)
    named = ["compute_100f", "compute_80", "sm_100f", "sm_80", "sm_90", "sm_90a"]
    assert sorted(map(str, first.images)) == named


@pytest.mark.parametrize("offset", [0, 4, 8, 8 + 20])
def test_a_damaged_list_of_images_is_refused(offset: int) -> None:
    """Its count, its size, the kind of the first image, and where what is behind the first one's fields starts."""
    whole = bytearray(sample("cu135_concat"))
    start = whole.index(b"\0\1\1\1") + 64
    whole[start + offset] ^= 0x10
    with pytest.raises(FatbinError, match="image"):
        parsed(bytes(whole))


def test_how_machine_code_is_compressed_is_read_from_its_flags() -> None:
    """PTX is compressed unless that is forbidden, so it says nothing of machine code."""
    found = {name: [set(unit.compressions) for unit in parsed(sample(name))] for name in NAMES}
    assert found == {
        "cu124_80": [{"lz4"}],
        "cu124_80_90": [{"lz4"}],
        "cu124_units": [{"lz4"}, {"lz4"}],
        "cu130_families": [{"zstd"}],
        "cu130_plain": [{"none"}],
        "cu135_concat": [{"zstd"}, {"zstd"}],
    }


def test_machine_code_tells_which_toolkit_made_it() -> None:
    """What is compressed by lz4 is not read."""
    found = {name: set().union(*(unit.toolkits for unit in parsed(sample(name)))) for name in NAMES}
    told = {name: releases for name, releases in found.items() if releases}
    assert told == {"cu130_families": {"13.0"}, "cu130_plain": {"13.0"}, "cu135_concat": {"13.5"}}


def test_each_translation_unit_is_its_own() -> None:
    first, second = parsed(sample("cu124_units"))
    assert set(first.images) == set(second.images)
    assert [len(unit.images) for unit in parsed(sample("cu124_80") + sample("cu124_80_90"))] == [1, 2]


def test_images_of_what_was_asked() -> None:
    wanted = (Arch(8, 0), Arch(9, 0, "a"), Arch(8, 9, ptx=True), Arch(9, 0))
    assert fatbin.images(wanted) == set(parsed(sample("cu124_units"))[0].images)


def test_ptx_alone_is_not_what_plus_ptx_asks_for() -> None:
    unit = Fatbin((GpuCode("ptx", Arch(8, 0)),))
    assert fatbin.images([Arch(8, 0, ptx=True)]) != set(unit.images)


@pytest.mark.parametrize("name", NAMES)
def test_all_but_one_image_can_be_hidden(name: str) -> None:
    before = parsed(sample(name))
    for keep in {image for unit in before for image in unit.images}:
        section = bytearray(sample(name))
        fatbin.hide(memoryview(section), keep, fatbin.rows(sample(name)))
        after = parsed(bytes(section))
        assert [len(unit.images) for unit in after] == [len(unit.images) for unit in before]
        pairs = [
            (old, new)
            for one, other in zip(before, after, strict=True)
            for old, new in zip(one.images, other.images, strict=True)
        ]
        assert all(new == old if old == keep else (new.kind, new.arch.major) == (old.kind, 99) for old, new in pairs)


def test_padding_between_and_after_units_is_skipped() -> None:
    one = sample("cu124_80")
    assert len(parsed(one + bytes(40) + one + bytes(13))) == 2
    assert parsed(b"") == ()


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        (sample("cu124_80")[:-8], "no valid fat binary header at offset 0x0"),
        (b"not a fat binary at all", "no valid fat binary header at offset 0x0"),
        (sample("cu124_80") + b"\1\2\3", "3 bytes too many at offset 0x3c0"),
        (
            sample("cu124_80")[:16] + b"\x09" + sample("cu124_80")[17:],
            r"no valid image header \(kind 9\) at offset 0x10",
        ),
        (sample("cu124_80")[:16] + bytes(24) + sample("cu124_80")[40:], "kind 0"),
    ],
)
def test_damage_is_located(section: bytes, complaint: str) -> None:
    with pytest.raises(FatbinError, match=complaint):
        parsed(section)


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=4))
def test_damaged_bytes_raise_nothing_else(name: str, changes: list[tuple[float, int]]) -> None:
    section = bytearray(sample(name))
    for place, mask in changes:
        section[int(place * len(section))] ^= mask
    with contextlib.suppress(FatbinError):
        units = parsed(bytes(section))
        assert all(image.kind in {"real", "ptx"} for unit in units for image in unit.images)


@pytest.mark.parametrize("name", NAMES)
def test_one_is_found_wherever_it_stands(name: str) -> None:
    row, before = sample(name), b"\x50\xed\x55\xba" + b"code" * 5 + b"\n"
    places = fatbin.anywhere(before + row + b"behind")
    assert places == [(start + len(before), end + len(before)) for start, end in fatbin.rows(row)]
    assert fatbin.units(before + row, places) == parsed(row)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda row: row[:4] + b"\2" + row[5:], "no valid fat binary header at offset 0x0"),
        (lambda row: row[:6] + b"\x11" + row[7:-1], "no valid fat binary header at offset 0x0"),
        (lambda row: row[:-8], "no valid fat binary header at offset 0x0"),
        (lambda row: row[:-16] + row[:16], "stands inside another"),
        (lambda row: row + row[:12], "no valid fat binary header"),
    ],
)
def test_none_that_cannot_be_read_is_passed_over(change: Callable[[bytes], bytes], complaint: str) -> None:
    with pytest.raises(FatbinError, match=complaint):
        fatbin.anywhere(change(sample("cu124_80")))


def test_no_file_has_them_by_the_hundred_thousand() -> None:
    assert len(fatbin.anywhere(EMPTY * 100_000)) == 100_000
    with pytest.raises(FatbinError, match="more than 100000"):
        fatbin.anywhere(EMPTY * 100_001)
