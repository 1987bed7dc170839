"""Names of wheels as their makers publish them."""

from __future__ import annotations

import pytest

from factory.wheel import promise, read

LEGACY = read.rules().legacy_platforms


@pytest.mark.parametrize(
    ("filename", "said"),
    [
        # https://github.com/Dao-AILab/flash-attention/releases
        ("flash_attn-2.8.3+cu12torch2.8cxx11abiTRUE-cp312-cp312-linux_x86_64.whl", ("12", "2.8", True, "3.12", None)),
        # https://github.com/mjun0812/flash-attention-prebuild-wheels/releases
        ("flash_attn-2.8.3+cu130torch2.10-cp313-cp313-linux_aarch64.whl", ("13.0", "2.10", None, "3.13", None)),
        (
            "flash_attn-2.8.3+cu128torch2.11-cp313-cp313-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
            ("12.8", "2.11", None, "3.13", "2.24"),
        ),
        # https://github.com/oobabooga/flash-attention/releases
        (
            "flash_attn-2.6.3+cu122torch2.4.0cxx11abiFALSE-cp311-cp311-win_amd64.whl",
            ("12.2", "2.4", False, "3.11", None),
        ),
        # https://huggingface.co/vuiseng9/flash-attn-wheel
        ("flash_attn-2.8.2-cp312-cp312-linux_x86_64.whl", (None, None, None, "3.12", None)),
        # other orders and signs: natten's, tori29umai's
        ("natten-0.21.0+torch2.8.0cu128-cp310-cp310-linux_x86_64.whl", ("12.8", "2.8", None, "3.10", None)),
        ("xformers-0.0.35+cu130.torch2.11-py39-none-linux_x86_64.whl", ("13.0", "2.11", None, None, None)),
        ("vllm_flash_attn-2.6.2-cp312-cp312-manylinux1_x86_64.whl", (None, None, None, "3.12", "2.5")),
        ("flash_attn-2.8.3+cu130torch2.12-cp314-cp314t-linux_x86_64.whl", ("13.0", "2.12", None, "3.14t", None)),
    ],
)
def test_what_a_name_says(filename: str, said: tuple[object, ...]) -> None:
    found = promise.parse(filename, LEGACY)
    assert (found.cuda, found.torch, found.cxx11abi, found.python, found.glibc) == said


def test_the_stable_abi_is_for_every_python_from_one_on() -> None:
    found = promise.parse("flash_attn_3-3.0.0+cu128torch2.11gite2743ab-cp39-abi3-linux_x86_64.whl", LEGACY)
    assert (found.project, found.abi3, found.python, found.torch) == ("flash-attn-3", "3.9", None, "2.11")
    assert not found.is_flash_attn


@pytest.mark.parametrize("name", ["flash_attn.whl", "flash_attn-2.8.3%2Bcu12-cp310-cp310-linux_x86_64.whl", "x.zip"])
def test_what_is_no_wheel_s_name_says_nothing(name: str) -> None:
    with pytest.raises(ValueError, match="nvalid"):
        promise.parse(name, LEGACY)
