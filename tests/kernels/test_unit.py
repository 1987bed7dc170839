from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.kernels.sdist import Extension
from factory.kernels.unit import TORCH_NVCC_FLAGS, KeyInputs, Unit, compile_flags, units
from factory.matrix.arch import Arch, front_ends
from factory.matrix.model import Profile

EXTENSION = Extension(
    name="flash_attn_2_cuda",
    kernels=("src/flash_fwd_hdim64_fp16_sm80.cu", "src/flash_bwd_hdim96_bf16_sm80.cu"),
    interface="flash_api.cpp",
    sources=("flash_api.cpp",),
    nvcc_flags=("-O3",),
    include_dirs=("csrc",),
)
INPUTS = KeyInputs(
    flash_attn="2.7.4.post1",
    sdist="s",
    toolkit="t",
    host_compiler="h",
    headers="i",
    flags=("-O3", "-DX"),
)
SHARED = {Arch(8, 0): Arch(8, 0), Arch(8, 9): Arch(8, 0), Arch(9, 0): Arch(8, 0)}
ARCHS = [Arch(8, 0), Arch(8, 9), Arch(9, 0), Arch(9, 0, "a"), Arch(12, 0)]
SOME_ARCHS = st.lists(st.builds(replace, st.sampled_from(ARCHS), ptx=st.booleans()), min_size=1)


def made(archs: list[Arch], inputs: KeyInputs = INPUTS, extension: Extension = EXTENSION) -> tuple[Unit, ...]:
    return units(extension, inputs, front_ends(archs, SHARED))


def keys(made: tuple[Unit, ...]) -> list[str]:
    return [key for unit in made for key in unit.made()]


@given(st.sampled_from([field.name for field in fields(KeyInputs)]), st.text(min_size=1))
def test_every_key_depends_on_every_input(name: str, text: str) -> None:
    value = getattr(INPUTS, name)
    changed: dict[str, Any] = {name: (*value, text) if isinstance(value, tuple) else value + text}
    assert set(keys(made(ARCHS))).isdisjoint(keys(made(ARCHS, replace(INPUTS, **changed))))


def test_every_part_of_every_source_has_its_own_key() -> None:
    found = keys(made(ARCHS))
    assert (
        len(set(found)) == len(found) == len(EXTENSION.kernels) * (2 + len(ARCHS) + 3)
    )  # host, stubs, code, three passes


def test_keys_depend_on_nothing_else_of_the_extension() -> None:
    other = replace(EXTENSION, name="x", sources=(), nvcc_flags=(), include_dirs=(), kernels=EXTENSION.kernels[::-1])
    assert made(ARCHS, extension=other) == made(ARCHS)[::-1]


def test_flags_that_read_alike_when_joined_give_other_keys() -> None:
    assert set(keys(made(ARCHS))).isdisjoint(keys(made(ARCHS, replace(INPUTS, flags=("-O3 -DX",)))))


@given(SOME_ARCHS)
def test_a_part_has_the_same_key_whatever_else_is_asked_for(archs: list[Arch]) -> None:
    everything = [replace(arch, ptx=ptx) for arch in ARCHS for ptx in (False, True)]
    for some, whole in zip(made(archs), made(everything), strict=True):
        assert some.host == whole.host
        assert {pair for stage in some.stages for pair in stage.code} <= {
            pair for stage in whole.stages for pair in stage.code
        }
        assert {(stage.virtual, stage.ptx) for stage in some.stages} <= {
            (stage.virtual, stage.ptx) for stage in whole.stages
        }


@given(SOME_ARCHS)
def test_wanted_is_what_was_asked_for_and_the_host_code(archs: list[Arch]) -> None:
    asked = len({arch.real for arch in archs}) + len({arch.real for arch in archs if arch.ptx})
    for unit in made(archs):
        assert len(list(unit.wanted())) == len(set(unit.wanted())) == asked + 1


def test_for_another_machine_only_the_host_code_has_another_key() -> None:
    passes = front_ends(ARCHS, SHARED)
    hosting = replace(INPUTS, host_compiler="aarch64-g++")
    for here, there in zip(made(ARCHS), units(EXTENSION, INPUTS, passes, hosting=hosting), strict=True):
        assert there.host != here.host
        assert (
            set(there.shared())
            == set(here.made()) & set(there.shared())
            == {*there.wanted(), there.stub} - {there.host}
        )
        assert (there.key, there.native, here.native) == (here.key, here.host, None)
        assert (there.stub, there.stages) == (here.stub, here.stages)


@pytest.mark.parametrize("name", [field.name for field in fields(KeyInputs)])
def test_of_one_kin_is_what_differs_in_the_digests_of_programs_alone(name: str) -> None:
    changed: dict[str, Any] = {name: ("-O1",) if name == "flags" else "other"}
    other = replace(INPUTS, **changed)
    releases = {"toolkit": "13.0.88", "host_compiler": "12.2.0"}
    kin = INPUTS.kin(**releases)
    assert (other.kin(**releases) == kin) == (name in releases)
    assert all(INPUTS.kin(**releases | {one: "other"}) != kin for one in releases)


def test_machine_code_of_another_pass_is_another_part() -> None:
    shared, own = (units(EXTENSION, INPUTS, front_ends([Arch(9, 0)], rules)) for rules in (SHARED, {}))
    assert set(keys(shared)) & set(keys(own)) == {key for unit in own for key in (unit.host, unit.stub)}


def test_flags_are_torch_s_then_upstream_s_then_the_profile_s() -> None:
    profile = Profile(name="lean", disable=("ALIBI", "LOCAL"), summary="")
    assert compile_flags(EXTENSION, profile) == (
        *TORCH_NVCC_FLAGS,
        *("-O3", "-DFLASHATTENTION_DISABLE_ALIBI", "-DFLASHATTENTION_DISABLE_LOCAL"),
    )


@given(st.sampled_from(["fwd", "fwd_split", "bwd"]), st.integers(1, 999), st.sampled_from(["", "_causal"]))
def test_reads_kind_and_head_size_from_the_name(kind: str, head: int, rest: str) -> None:
    unit = Unit(source=f"csrc/src/flash_{kind}_hdim{head}_bf16{rest}_sm80.cu", host="k", stub="s")
    assert (unit.kind, unit.head_size) == (kind, head)
    assert unit.name == f"flash_{kind}_hdim{head}_bf16{rest}_sm80"


def test_a_name_without_a_shape() -> None:
    unit = Unit(source="csrc/hdim_fwd.cu", host="k", stub="s")
    assert (unit.kind, unit.head_size) == ("other", 0)
