from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.kernels.sdist import read_extension

SMALL = (Path(__file__).parents[1] / "data" / "sdist" / "setup.py").read_text()


def test_reads_sources_flags_and_includes_in_order() -> None:
    extension = read_extension(SMALL)
    assert extension.name == "flash_attn_2_cuda"
    assert extension.kernels == tuple(
        f"csrc/flash_attn/src/flash_{kind}_hdim32_fp16_sm80.cu" for kind in ("fwd", "fwd_split", "bwd")
    )
    assert extension.interface == extension.sources[0] == "csrc/flash_attn/flash_api.cpp"
    assert extension.nvcc_flags[:3] == ("-O3", "-std=c++17", "-U__CUDA_NO_HALF_OPERATORS__")
    assert extension.include_dirs == ("csrc/flash_attn", "csrc/flash_attn/src", "csrc/cutlass/include")


@pytest.mark.parametrize("flag", ["-gencode", "--threads", "arch=compute_80,code=sm_80"])
def test_leaves_out_what_the_factory_sets(flag: str) -> None:
    assert flag not in read_extension(SMALL).nvcc_flags


def test_leaves_out_architectures_written_as_literals() -> None:
    text = SMALL.replace(
        '"--use_fast_math",', '"--use_fast_math", "-gencode", "arch=compute_80,code=sm_80", "-lineinfo",'
    )
    assert read_extension(text).nvcc_flags[-2:] == ("--use_fast_math", "-lineinfo")


def test_takes_the_extension_whose_sources_are_literal() -> None:
    other = "\nsources = glob.glob('x/*.cu')\next_modules.append(CUDAExtension(name='rocm', sources=sources))\n"
    assert read_extension(SMALL + other).name == "flash_attn_2_cuda"


def test_refuses_two_extensions() -> None:
    start = SMALL.index("    ext_modules.append(")
    with pytest.raises(SourceError, match="2 CUDA extensions"):
        read_extension(SMALL + "\nif True:\n" + SMALL[start : SMALL.index("\n\ndef get_package_version")])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sources=[\n", "sources=list_them() + [\n"),
        ('"nvcc": append_nvcc_threads(nvcc_flags + cc_flag)', '"nvcc": flags_of(**options)'),
        ('Path(this_dir) / "csrc" / "cutlass" / "include",', "*more,"),
        (".cu", ".hip"),
        ('"csrc/flash_attn/flash_api.cpp",', '"csrc/flash_attn/flash_api.cpp", "csrc/another.cpp",'),
    ],
)
def test_refuses_what_it_cannot_follow(before: str, after: str) -> None:
    assert before in SMALL
    with pytest.raises(SourceError, match="0 CUDA extensions"):
        read_extension(SMALL.replace(before, after))


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(SourceError):
        read_extension(text)


@given(st.integers(0, len(SMALL)), st.text(max_size=8))
def test_a_damaged_setup_is_read_or_refused(position: int, junk: str) -> None:
    with suppress(SourceError):
        assert read_extension(SMALL[:position] + junk + SMALL[position:]).kernels
