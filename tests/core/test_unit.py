from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from factory.core.arch import Arch
from factory.core.model import Profile, Toolkit
from factory.core.sdist import Extension
from factory.core.unit import TORCH_NVCC_FLAGS, Inputs, Unit, compile_flags, units

EXTENSION = Extension(
    name="flash_attn_2_cuda",
    kernels=("src/flash_fwd_hdim64_fp16_sm80.cu", "src/flash_bwd_hdim96_bf16_sm80.cu"),
    sources=("flash_api.cpp",),
    nvcc_flags=("-O3",),
    include_dirs=("csrc",),
)
INPUTS = Inputs(
    flash_attn="2.7.4.post1",
    sdist="s",
    toolkit="t",
    host_compiler="h",
    standin="i",
    kernel_class="torch2.4",
    flags=("-O3", "-DX"),
)


def keys(inputs: Inputs, extension: Extension = EXTENSION) -> list[str]:
    return [unit.key for unit in units(extension, inputs)]


@given(st.sampled_from([field.name for field in fields(Inputs)]), st.text(min_size=1))
def test_the_key_depends_on_every_input(name: str, text: str) -> None:
    value = getattr(INPUTS, name)
    changed: dict[str, Any] = {name: (*value, text) if isinstance(value, tuple) else value + text}
    other = replace(INPUTS, **changed)
    assert set(keys(INPUTS)).isdisjoint(keys(other))


def test_the_key_depends_on_the_source_and_on_nothing_else_of_the_extension() -> None:
    other = replace(EXTENSION, name="x", sources=(), nvcc_flags=(), include_dirs=(), kernels=EXTENSION.kernels[::-1])
    assert keys(INPUTS, other) == keys(INPUTS)[::-1]
    assert len(set(keys(INPUTS))) == len(EXTENSION.kernels)


def test_flags_that_read_alike_when_joined_give_other_keys() -> None:
    assert keys(replace(INPUTS, flags=("-O3 -DX",))) != keys(INPUTS)


@given(st.permutations([Arch(8, 0), Arch(9, 0), Arch(8, 9, ptx=True)]))
def test_flags_do_not_depend_on_the_order_of_architectures(archs: list[Arch]) -> None:
    toolkit = Toolkit(
        version="12.4",
        targets=(),
        newest_gcc=13,
        archs=(),
        front_end={Arch(9, 0): Arch(8, 0)},
        minimum_driver=525,
        image=None,
        image_digest=None,
    )
    profile = Profile(name="lean", disable=("ALIBI", "LOCAL"), summary="")
    flags = compile_flags(EXTENSION, profile, archs, toolkit)
    assert flags[: len(TORCH_NVCC_FLAGS)] == TORCH_NVCC_FLAGS
    assert flags[len(TORCH_NVCC_FLAGS) :] == (
        *("-O3", "-DFLASHATTENTION_DISABLE_ALIBI", "-DFLASHATTENTION_DISABLE_LOCAL"),
        *("-gencode", "arch=compute_80,code=[sm_80,sm_90]"),
        *("-gencode", "arch=compute_89,code=[sm_89,compute_89]"),
    )


@given(st.sampled_from(["fwd", "fwd_split", "bwd"]), st.integers(1, 999), st.sampled_from(["", "_causal"]))
def test_reads_kind_and_head_size_from_the_name(kind: str, head: int, rest: str) -> None:
    unit = Unit(source=f"csrc/src/flash_{kind}_hdim{head}_bf16{rest}_sm80.cu", key="k")
    assert (unit.kind, unit.head_size) == (kind, head)
    assert unit.name == f"flash_{kind}_hdim{head}_bf16{rest}_sm80"


def test_a_name_without_a_shape() -> None:
    unit = Unit(source="csrc/hdim_fwd.cu", key="k")
    assert (unit.kind, unit.head_size) == ("other", 0)
