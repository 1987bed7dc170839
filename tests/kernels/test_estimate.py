import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.data import DATA
from factory.kernels.estimate import Measured, Shape, expect, read_costs
from factory.kernels.job import Todo
from factory.kernels.schedule import Demand
from factory.kernels.unit import Stage, Unit
from factory.matrix.arch import Arch, front_ends

COSTS = read_costs(tomllib.loads((DATA / "costs.toml").read_text()))
FWD = Unit(source="src/flash_fwd_hdim64_fp16_sm80.cu", host="fwd", stub="")
BWD = Unit(source="src/flash_bwd_hdim256_fp16_sm80.cu", host="bwd", stub="")
ODD = Unit(source="src/other.cu", host="odd", stub="")
SHAPE = Shape(profile="smoke", passes=1, targets=1)


def test_a_shape_counts_passes_and_machine_codes_and_ptx_is_none() -> None:
    archs = [Arch(8, 0), Arch(8, 9), Arch(8, 9, ptx=True), Arch(9, 0)]
    passes = front_ends(archs, {Arch(8, 0): Arch(8, 0), Arch(9, 0): Arch(8, 0)})
    assert Shape.of("full", passes) == Shape(profile="full", passes=2, targets=3)


def test_a_shape_of_what_is_left_counts_that_alone() -> None:
    new = Stage(virtual=Arch(9, 0), ptx="p", embedded=True, code=((Arch(9, 0), "c"),))
    old = Stage(virtual=Arch(8, 0), ptx="q", embedded=False, code=((Arch(8, 6), "d"), (Arch(8, 9), "e")))
    assert Shape.left("full", Todo(front_end=(new,), from_ptx=(old,))) == Shape(profile="full", passes=1, targets=3)
    assert Shape.left("full", Todo(front_end=(), from_ptx=(old,))) == Shape(profile="full", passes=0, targets=2)


@given(st.sampled_from([FWD, BWD, ODD]), st.integers(1, 5))
def test_without_a_pass_only_the_assembler_counts(unit: Unit, targets: int) -> None:
    assembled = COSTS.guess(unit, Shape(profile="full", passes=0, targets=targets))
    compiled = COSTS.guess(unit, Shape(profile="full", passes=1, targets=targets))
    assert assembled.peak == COSTS.assembler_peak < compiled.peak
    assert 0 < assembled.seconds < compiled.seconds


@given(st.sampled_from(["full", "inference", "smoke", "mine"]), st.integers(1, 5), st.integers(0, 5))
def test_another_target_costs_and_another_pass_costs_more(profile: str, passes: int, further: int) -> None:
    def seconds(passes: int, targets: int) -> float:
        return COSTS.guess(FWD, Shape(profile=profile, passes=passes, targets=targets)).seconds

    targets = passes + further
    assert seconds(passes, targets) < seconds(passes, targets + 1) < seconds(passes + 1, targets + 1)


def test_an_unknown_profile_counts_as_the_full_one() -> None:
    mine, full = (Shape(profile=name, passes=1, targets=1) for name in ("mine", "full"))
    assert COSTS.guess(BWD, mine) == COSTS.guess(BWD, full)
    assert COSTS.guess(BWD, full).seconds > COSTS.guess(BWD, SHAPE).seconds


def test_a_unit_measured_in_the_same_shape_is_taken_at_its_word() -> None:
    measured = Measured(source=FWD.source, shape=SHAPE, demand=Demand(seconds=3, peak=4))
    assert expect({FWD: SHAPE}, COSTS, [measured]) == {"fwd": Demand(seconds=3, peak=4)}


@given(st.floats(0.01, 100))
def test_this_machine_s_speed_scales_the_other_guesses(speed: float) -> None:
    other = Shape(profile="full", passes=2, targets=2)
    took = COSTS.guess(FWD, other).seconds * speed
    measured = Measured(source=FWD.source, shape=other, demand=Demand(seconds=took, peak=1))
    found = expect(dict.fromkeys((FWD, BWD, ODD), SHAPE), COSTS, iter([measured]))
    for unit in (FWD, BWD, ODD):
        guess = COSTS.guess(unit, SHAPE)
        assert found[unit.host].seconds == pytest.approx(guess.seconds * speed)
        assert found[unit.host].peak == guess.peak


def test_one_odd_measurement_does_not_decide() -> None:
    units = [Unit(source=f"src/flash_fwd_hdim{head}_x.cu", host="", stub="") for head in (64, 128, 256)]
    rows = [
        Measured(source=unit.source, shape=SHAPE, demand=Demand(seconds=COSTS.guess(unit, SHAPE).seconds * odd, peak=1))
        for unit, odd in zip(units, (1, 1, 1000), strict=True)
    ]
    assert expect({BWD: SHAPE}, COSTS, rows)["bwd"].seconds == pytest.approx(COSTS.guess(BWD, SHAPE).seconds)
