"""What things take on disks: more of them never takes less, and what is there takes nothing."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from factory.plan import sizes
from factory.plan.room import DIST, most
from factory.plan.sizes import Environment, Ground, Kernels
from tests.doctorfacts import RULES

TABLE = sizes.table()
PLAIN = Ground(linked=False, beside=True, pip=0)
LINKED = Ground(linked=True, beside=False, pip=0)
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
ENVIRONMENTS = st.lists(
    st.builds(
        Environment,
        torch=st.just("2.6.0"),
        cuda=st.sampled_from(("11.8", "12.4", "12.9", "13.0", "14.0")),
        pythons=st.sets(st.sampled_from(PYTHONS), min_size=1).map(tuple),
        begun=st.booleans(),
    )
)
KERNELS = st.builds(
    Kernels,
    name=st.just("set"),
    profile=st.sampled_from(("full", "inference", "smoke", "own")),
    passes=st.integers(min_value=1, max_value=4),
    targets=st.integers(min_value=0, max_value=13),
    units=st.none() | st.integers(min_value=1, max_value=96),
    share=st.floats(min_value=0, max_value=1),
    wheels=st.integers(min_value=0, max_value=9),
    compressed=st.booleans(),
)
SETS = st.lists(KERNELS)


@given(some=ENVIRONMENTS, more=ENVIRONMENTS)
def test_environments_grow_with_cells_and_links_save(some: list[Environment], more: list[Environment]) -> None:
    for ground in (PLAIN, LINKED):
        assert most(TABLE.environments(some, ground)) <= most(TABLE.environments([*some, *more], ground))
        assert most(TABLE.packages(some, ground)) <= most(TABLE.packages([*some, *more], ground))
    assert most(TABLE.environments(some, LINKED)) <= most(TABLE.environments(some, PLAIN))


@given(some=SETS, more=SETS, jobs=st.integers(min_value=1, max_value=64))
def test_kernels_and_wheels_grow_with_cells(some: list[Kernels], more: list[Kernels], jobs: int) -> None:
    assert most(TABLE.sets(some, jobs=jobs)) <= most(TABLE.sets([*some, *more], jobs=jobs + 1))
    for contained in (True, False):
        small = most(TABLE.wheels(some, contained=contained))
        assert small <= most(TABLE.wheels([*some, *more], contained=contained))


@given(one=KERNELS)
def test_a_wheel_more_or_an_architecture_more_never_takes_less(one: Kernels) -> None:
    for other in (replace(one, wheels=one.wheels + 1), replace(one, targets=one.targets + 1)):
        assert most(TABLE.wheels([one], contained=False)) <= most(TABLE.wheels([other], contained=False))
        assert most(TABLE.sets([one], jobs=2)) <= most(TABLE.sets([other], jobs=2))
    assert not list(TABLE.sets([replace(one, share=0)], jobs=2))
    assert not list(TABLE.wheels([replace(one, wheels=0)], contained=False))


def test_an_unknown_cuda_is_taken_for_the_one_before_it() -> None:
    assert TABLE.of_torch("13.2") == TABLE.torch["13.0"]
    assert TABLE.of_torch("12.9") == TABLE.torch["12.8"]
    assert TABLE.of_torch("11.8") == TABLE.torch["12.4"]


def test_libraries_that_are_linked_lie_there_once() -> None:
    two = Environment(torch="2.6.0", cuda="12.4", pythons=("3.10", "3.11"))
    row = TABLE.torch["12.4"]
    assert most(TABLE.environments([two], LINKED)) == 2 * row.own + row.libraries
    assert most(TABLE.environments([replace(two, begun=True)], LINKED)) == 2 * row.own
    assert most(TABLE.environments([two], PLAIN)) == 2 * (row.own + row.libraries) + row.wheels


def test_what_pip_keeps_for_containers_is_not_fetched_again() -> None:
    one = Environment(torch="2.6.0", cuda="12.4", pythons=("3.10",))
    assert most(TABLE.packages([one], PLAIN)) == TABLE.torch["12.4"].wheels
    assert not list(TABLE.packages([one], replace(PLAIN, pip=10**11)))


def test_every_profile_of_the_matrix_has_its_sizes() -> None:
    assert set(RULES.profiles) == set(TABLE.kernels)
    full, lean, smoke = (TABLE.kernels[name] for name in ("full", "inference", "smoke"))
    assert full.wheel > lean.wheel > smoke.wheel
    assert full.ptx > lean.ptx > smoke.ptx
    assert {want.use for want in TABLE.wheels([_a_set("smoke")], contained=False)} == {"cache", DIST}


def test_compressed_machine_code_takes_less_where_wheels_are_made_and_kept() -> None:
    plain = _a_set("full")
    packed = replace(plain, compressed=True)
    assert most(TABLE.wheels([packed], contained=False)) < 0.3 * most(TABLE.wheels([plain], contained=False))
    assert most(TABLE.wheels([packed], contained=True)) < most(TABLE.wheels([plain], contained=True))
    assert most(TABLE.sets([packed], jobs=2)) == most(TABLE.sets([plain], jobs=2))


def _a_set(profile: str) -> Kernels:
    return Kernels(name="set", profile=profile, passes=1, targets=2, units=None, share=1, wheels=1, compressed=False)
