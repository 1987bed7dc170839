"""What is wanted of disks and of memory, against what there is."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import DiskFullError, LowMemoryError
from factory.plan import room
from factory.plan.room import CACHE, DIST, Fit, Memory, Room, Want, most

GB = 10**9
BYTES = st.integers(min_value=0, max_value=10**12)
WANTS = st.lists(
    st.builds(Want, what=st.just("it"), place=st.sampled_from(("pool", "toolkits", DIST)), kept=BYTES, passing=BYTES)
)
ONE_DISK = (
    Room(use=CACHE, path="/here/cache", device=1, free=10 * GB, writable=True),
    Room(use=DIST, path="/here/dist", device=1, free=10 * GB, writable=True),
)
TWO_DISKS = (ONE_DISK[0], replace(ONE_DISK[1], path="/there/dist", device=2))
TORCH = Want(what="torch", place="environments", kept=7 * GB, passing=2 * GB)
WHEELS = Want(what="2 wheels", place=DIST, kept=4 * GB)


@given(wants=WANTS, more=WANTS)
def test_more_never_takes_less_and_no_more_than_both_apart(wants: list[Want], more: list[Want]) -> None:
    assert max(most(wants), most(more)) <= most([*wants, *more]) <= most(wants) + most(more)
    assert most([*more, *wants]) == most([*wants, *more])


@given(wants=WANTS)
def test_what_shares_a_disk_is_added_up_and_nothing_is_lost(wants: list[Want]) -> None:
    (together,) = room.disks(ONE_DISK, wants)
    assert together.wanted == most(wants)
    apart = room.disks(TWO_DISKS, wants)
    assert sum(len(disk.wants) for disk in apart) == len(wants)
    assert sum(disk.wanted for disk in apart) >= together.wanted
    assert max(disk.wanted for disk in apart) <= together.wanted


def test_one_disk_is_too_small_where_two_are_not() -> None:
    room.hold(TWO_DISKS, [TORCH, WHEELS])
    with pytest.raises(DiskFullError) as caught:
        room.hold(ONE_DISK, [TORCH, WHEELS])
    assert caught.value.why == (
        "/here/cache (cache) and /here/dist (dist): 10.0 GB free, about 13.0 GB wanted",
        "  torch: 7.0 GB, 2.0 GB more for a while",
        "  2 wheels: 4.0 GB",
    )
    assert "FACTORY_CACHE=" in caught.value.remedy
    assert "--dist" in caught.value.remedy


def test_only_the_disk_that_is_too_small_is_named() -> None:
    small = (ONE_DISK[0], replace(TWO_DISKS[1], free=GB))
    with pytest.raises(DiskFullError) as caught:
        room.hold(small, [TORCH, WHEELS])
    assert [line for line in caught.value.why if "torch" in line or "/here" in line] == []
    assert "FACTORY_CACHE" not in caught.value.remedy


def test_where_nothing_is_wanted_a_full_disk_will_do() -> None:
    room.hold([replace(one, free=0) for one in ONE_DISK], [])


@given(peak=BYTES, memory=BYTES, swap=BYTES, more=BYTES)
def test_more_memory_or_swap_never_fits_worse(peak: int, memory: int, swap: int, more: int) -> None:
    order = (Fit.NEVER, Fit.SWAPS, Fit.FITS)
    fit = order.index(Fit.of(peak, memory=memory, swap=swap))
    assert order.index(Fit.of(peak, memory=memory + more, swap=swap)) >= fit
    assert order.index(Fit.of(peak, memory=memory, swap=swap + more)) >= fit
    assert order.index(Fit.of(peak + more, memory=memory, swap=swap)) <= fit


def test_memory_fits_swaps_or_never_will() -> None:
    assert Memory(memory=7 * GB, swap=0).hold(7 * GB) is None
    warning = Memory(memory=4 * GB, swap=4 * GB).hold(7 * GB)
    assert warning is not None
    assert "4.0 GB of memory and 4.0 GB of swap" in warning
    with pytest.raises(LowMemoryError) as caught:
        Memory(memory=4 * GB, swap=0).hold(7 * GB)
    assert "4.0 GB of memory and no swap" in caught.value.why[0]


@given(peak=st.integers(min_value=10**8, max_value=10**11))
def test_the_size_that_the_remedy_names_is_believed(peak: int) -> None:
    machine = Memory(memory=0, swap=0)
    with pytest.raises(LowMemoryError) as caught:
        machine.hold(peak)
    named = re.search(r"--memory (\S+)", caught.value.remedy)
    assert named is not None
    assert replace(machine, named=int(float(named[1]) * GB)).hold(peak) is None
