import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.core.arch import Arch, gencode

ARCHS = st.builds(Arch, st.integers(8, 12), st.integers(0, 9), st.sampled_from(["", "a", "f"]), st.booleans())


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


@given(st.sets(ARCHS, min_size=1))
def test_every_target_is_asked_for_exactly_once(archs: set[Arch]) -> None:
    flags = gencode(archs, {})
    codes = [code for flag in flags[1::2] for code in flag.split("code=[")[1].rstrip("]").split(",")]
    wanted = {f"sm_{a.number}" for a in archs} | {f"compute_{a.number}" for a in archs if a.ptx}
    assert sorted(codes) == sorted(wanted)


def test_one_pass_serves_a_family() -> None:
    front_end = {Arch(8, 0): Arch(8, 0), Arch(9, 0): Arch(8, 0)}
    assert gencode([Arch(9, 0), Arch(8, 0), Arch(12, 0)], front_end) == (
        "-gencode",
        "arch=compute_80,code=[sm_80,sm_90]",
        "-gencode",
        "arch=compute_120,code=[sm_120]",
    )


def test_ptx_of_a_shared_target_is_its_own_pass() -> None:
    front_end = {Arch(9, 0): Arch(8, 0)}
    assert gencode([Arch(9, 0, ptx=True)], front_end) == (
        "-gencode",
        "arch=compute_80,code=[sm_90]",
        "-gencode",
        "arch=compute_90,code=[compute_90]",
    )
