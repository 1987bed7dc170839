from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.matrix.arch import Arch, FrontEnd, front_ends, gencode

ARCHS = st.builds(Arch, st.integers(8, 12), st.integers(0, 9), st.sampled_from(["", "a", "f"]), st.booleans())
REAL = ARCHS.map(lambda arch: arch.real)
SHARED = st.dictionaries(REAL, REAL, max_size=5)
A80, A90, A120 = Arch(8, 0), Arch(9, 0), Arch(12, 0)


@pytest.mark.parametrize(
    ("text", "arch"),
    [
        ("8.6", Arch(8, 6)),
        ("86", Arch(8, 6)),
        ("9.0a", Arch(9, 0, "a")),
        ("90a", Arch(9, 0, "a")),
        ("8.9+PTX", Arch(8, 9, ptx=True)),
        ("120f", Arch(12, 0, "f")),
        ("10.0", Arch(10, 0)),
    ],
)
def test_reads_both_spellings(text: str, arch: Arch) -> None:
    assert Arch.parse(text) == arch


@pytest.mark.parametrize("text", ["", "sm_80", "8", "8.66", "native", "8.6+ptxx", "8,6", "1234"])
def test_refuses_other_spellings(text: str) -> None:
    with pytest.raises(ValueError, match="compute capability"):
        Arch.parse(text)


@given(ARCHS)
def test_round_trips(arch: Arch) -> None:
    assert Arch.parse(str(arch)) == arch


@given(st.lists(ARCHS, min_size=1), SHARED)
def test_every_architecture_is_made_in_exactly_one_pass(archs: list[Arch], shared: dict[Arch, Arch]) -> None:
    passes = front_ends(archs, shared)
    assert sorted(arch for one in passes for arch in one.real) == sorted({arch.real for arch in archs})
    assert {one.virtual for one in passes if one.ptx} == {arch.real for arch in archs if arch.ptx}
    assert len({one.virtual for one in passes}) == len(passes)
    assert all(one.real or one.ptx for one in passes)


@given(st.lists(ARCHS, min_size=1), SHARED, st.randoms())
def test_passes_do_not_depend_on_the_order_asked(archs: list[Arch], shared: dict[Arch, Arch], random: Random) -> None:
    shuffled = random.sample(archs, len(archs))
    assert front_ends(shuffled, shared) == front_ends(archs, shared)


def test_one_pass_serves_a_family() -> None:
    shared = {A80: A80, A90: A80}
    assert front_ends([A90, A80, A120], shared) == (
        FrontEnd(virtual=A80, real=(A80, A90), ptx=False),
        FrontEnd(virtual=A120, real=(A120,), ptx=False),
    )


def test_ptx_of_a_shared_target_is_its_own_pass() -> None:
    assert front_ends([Arch(9, 0, ptx=True)], {A90: A80}) == (
        FrontEnd(virtual=A80, real=(A90,), ptx=False),
        FrontEnd(virtual=A90, real=(), ptx=True),
    )


def test_a_pass_leaves_its_ptx_and_the_machine_code_asked_for() -> None:
    assert gencode(A80, [A80, A90]) == ("-gencode", "arch=compute_80,code=[sm_80,sm_90,compute_80]")
    assert gencode(Arch(9, 0, "a"), []) == ("-gencode", "arch=compute_90a,code=[compute_90a]")


@pytest.mark.parametrize(
    ("virtual", "served"),
    [
        ("8.0", "8.0 8.6 9.0 9.0a 10.0 10.0a 10.0f 10.3 12.0 12.0f"),
        ("9.0", "9.0 9.0a 10.0 10.0a 10.0f 10.3 12.0 12.0f"),
        ("9.0a", "9.0a"),
        ("10.0", "10.0 10.0a 10.0f 10.3 12.0 12.0f"),
        ("10.0a", "10.0a"),
        ("10.0f", "10.0 10.0a 10.0f 10.3"),
        ("12.0f", "12.0 12.0f"),
    ],
)
def test_ptx_serves_what_ptxas_takes_it_for(virtual: str, served: str) -> None:
    """As ptxas 13.0.88 did with the PTX of one kernel for each."""
    targets = map(Arch.parse, ["8.0", "8.6", "9.0", "9.0a", "10.0", "10.0a", "10.0f", "10.3", "12.0", "12.0f"])
    assert " ".join(str(target) for target in targets if Arch.parse(virtual).serves(target)) == served
