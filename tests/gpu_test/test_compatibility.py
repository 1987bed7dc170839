"""Messages as the loader, CUDA, torch and pip word them, and what a person is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.diagnose.machine import rules
from factory.gpu_test import compatibility
from factory.gpu_test.compatibility import Runtime, WheelHere, by_facts, by_text
from factory.matrix import wheelname
from factory.matrix.arch import Arch
from factory.matrix.load import load as load_matrix
from factory.wheel.fatbin import images
from tests.frozen import MATRIX

RULES = load_matrix(MATRIX.read_text())
SIGNS = rules()
HERE = Runtime(
    python="3.12",
    torch="2.11.0+cu130",
    cuda="13.0",
    cxx11abi=True,
    glibc="2.36",
    gpu="NVIDIA H100 80GB HBM3",
    capability="9.0",
    driver="580.95.05",
)
FITTING = "flash_attn-2.8.3.post2+cu13torch2.11cxx11abiTRUE-cp312-cp312-linux_x86_64.whl"
SO = "/tmp/x/flash_attn_2_cuda.cpython-312-x86_64-linux-gnu.so"  # noqa: S108  # part of a message
NEW_STRING = "_ZN3c106detail23torchInternalAssertFailEPKcS2_jS2_RKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
OURS = "cu130 torch2.11 cp312"


def pair(filename: str = FITTING, **here: object) -> WheelHere:
    return WheelHere(
        name=wheelname.parse(filename),
        images=images([Arch(8, 0), Arch(9, 0)]),
        here=replace(HERE, **here),  # type: ignore[arg-type]  # a table of any field
        matrix=RULES,
    )


def test_what_fits_has_no_misfit() -> None:
    assert by_facts(pair()) == ()
    assert by_text(pair(), "Segmentation fault", SIGNS) == ()


@pytest.mark.parametrize(
    ("old", "new", "axis", "said"),
    [
        ("cp312-cp312", "cp310-cp310", "Python", "the wheel is for 3.10, here is 3.12"),
        ("torch2.11", "torch2.10", "torch", "the wheel is for 2.10, here is 2.11"),
        ("cu13", "cu12", "CUDA", "the wheel is for 12, here is 13"),
        ("TRUE", "FALSE", "C++ ABI", "the wheel is for cxx11abiFALSE, here is cxx11abiTRUE"),
    ],
)
def test_each_axis_of_a_name_is_held_to_the_machine(old: str, new: str, axis: str, said: str) -> None:
    (incompatibility,) = by_facts(pair(FITTING.replace(old, new)))
    assert (incompatibility.axis, incompatibility.message, incompatibility.tokens) == (axis, said, OURS)
    assert incompatibility.remedy == f"build it with: nox -s build -- {OURS}"


def test_a_machine_of_another_cell_is_told_all_that_differs() -> None:
    made = by_facts(pair("flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE.smoke-cp310-cp310-linux_x86_64.whl"))
    assert [incompatibility.axis for incompatibility in made] == ["Python", "torch", "CUDA", "C++ ABI"]
    # cu130 is skipped for 2.7.4.post1, the default of torch 2.11 is another release
    aside = "flash-attn 2.7.4.post1 is not built for it; 2.8.3.post2 is"
    assert {incompatibility.remedy for incompatibility in made} == {
        f"{aside}; build it with: nox -s build -- {OURS} --profile smoke"
    }


def test_a_machine_the_matrix_has_no_cell_for_is_told_so() -> None:
    (incompatibility,) = by_facts(pair(torch="2.99.0", cxx11abi=True))
    assert incompatibility.tokens is None
    assert "matrix.yaml has no such cell: torch2.99: no such torch" in incompatibility.remedy


def test_a_torch_without_cuda_is_the_only_thing_said() -> None:
    (incompatibility,) = by_facts(pair(torch="2.11.0+cpu", cuda=None, python="3.9"))
    assert "built without CUDA" in incompatibility.message
    assert incompatibility.tokens is None


def test_an_old_driver_shows_before_anything_is_run_and_an_older_cuda_is_named() -> None:
    (incompatibility,) = by_facts(pair(driver="550.54.15"))
    assert incompatibility.message == "CUDA 13 needs 580 or newer; here is 550.54.15"
    assert incompatibility.tokens == "cu128 torch2.11 cp312"
    (hopeless,) = by_facts(pair(driver="470.57.02"))
    assert hopeless.tokens is None
    assert "newer NVIDIA driver" in hopeless.remedy


@pytest.mark.parametrize(
    ("archs", "gpu", "has"),
    [("8.0 10.0", "9.0", "sm_80 sm_100"), ("10.0+PTX", "9.0", "compute_100 sm_100"), ("9.0a", "10.0", "sm_90a")],
)
def test_gpu_code_that_the_gpu_cannot_run_shows_before_anything_is_run(archs: str, gpu: str, has: str) -> None:
    there = images(Arch.parse(word) for word in archs.split())
    (incompatibility,) = by_facts(replace(pair(capability=gpu), images=there))
    assert incompatibility.message == f"the wheel has {has}; NVIDIA H100 80GB HBM3 is {gpu}"
    assert incompatibility.remedy.endswith(f" --archs {gpu}")


@pytest.mark.parametrize(
    ("text", "axis", "said"),
    [
        (
            f"ImportError: {SO}: undefined symbol: _ZN3c104cuda29c10_cuda_check_implementationEiPKcS2_ib",
            "torch",
            "the wheel is for torch 2.4 to 2.9",
        ),
        (
            f"ImportError: {SO}: undefined symbol: _ZN3c104cuda29c10_cuda_check_implementationEiPKcS2_xx",
            "torch",
            "the wheel is for another torch",
        ),
        (
            f"ImportError: {SO}: undefined symbol: _ZN3c106detail14torchCheckFailEPKcS2_jRKSs",
            "C++ ABI",
            "is cxx11abiFALSE; this torch is cxx11abiTRUE",
        ),
        (
            f"ImportError: {SO}: undefined symbol: {NEW_STRING}",
            "torch",
            "torch 2.11.0+cu130 has no _ZN3c106detail23torchInternalAssertFail",
        ),
        (f"ImportError: {SO}: undefined symbol: _Py_IncRef_Old", "Python", "CPython 3.12 has no _Py_IncRef_Old"),
        (
            f"ImportError: {SO}: undefined symbol: cudaLaunchKernelExC, version libcudart.so.13",
            "CUDA",
            "has no cudaLaunchKernelExC",
        ),
        (
            f"ImportError: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by {SO})",
            "glibc",
            "the wheel needs GLIBC_2.38, here is glibc 2.36",
        ),
        (
            f"ImportError: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by {SO})",
            "libstdc++",
            "the wheel needs GLIBCXX_3.4.32; it was built on a newer Linux",
        ),
        (
            "ImportError: libcudart.so.12: cannot open shared object file: No such file or directory",
            "CUDA",
            "the wheel needs the runtime of CUDA 12; torch here brings that of CUDA 13.0",
        ),
        (
            "CUDA error (flash_fwd_launch_template.h:180): no kernel image is available for execution on the device",
            "architectures",
            "the wheel has sm_80 sm_90; NVIDIA H100 80GB HBM3 is 9.0",
        ),
        (
            "torch.AcceleratorError: CUDA error: CUDA driver version is insufficient for CUDA runtime version",
            "driver",
            "it says: torch.AcceleratorError: CUDA error: CUDA driver version is insufficient",
        ),
        (
            "RuntimeError: The NVIDIA driver on your system is too old (found version 12020). Please update",
            "driver",
            "it says: RuntimeError: The NVIDIA driver on your system is too old",
        ),
        ("ModuleNotFoundError: No module named 'flash_attn_2_cuda'", "Python", "not for 3.12, whatever its name"),
        ("ERROR: x.whl is not a supported wheel on this platform.", "Python", "not for 3.12, whatever its name"),
        (
            "ImportError: libtorch_cuda.so: cannot open shared object file: No such file or directory",
            "torch",
            "torch 2.11.0+cu130 brings no libtorch_cuda.so",
        ),
        (
            "RuntimeError: CUDA error: the provided PTX was compiled with an unsupported toolchain.",
            "driver",
            "unsupported toolchain",
        ),
    ],
)
def test_what_is_said_names_the_axis(text: str, axis: str, said: str) -> None:
    (incompatibility,) = by_text(pair(), f"Traceback (most recent call last):\n{text}\n{text}\n", SIGNS)
    assert incompatibility.axis == axis
    assert said in incompatibility.message
    assert said in str(incompatibility)


def test_glibc_is_mended_by_a_container_and_architectures_by_naming_them() -> None:
    (glibc,) = by_text(pair(), "libc.so.6: version `GLIBC_2.38' not found", SIGNS)
    assert glibc.remedy == f"build it with: nox -s build -- {OURS} --backend container"
    (archs,) = by_text(pair(), "CUDA error: no kernel image is available for execution on the device", SIGNS)
    assert archs.remedy == f"build it with: nox -s build -- {OURS} --archs 9.0"


def test_a_gpu_that_its_driver_s_cuda_makes_nothing_for_is_led_to_one_that_does() -> None:
    wheel = "flash_attn-2.8.3.post2+cu13torch2.12cxx11abiTRUE-cp312-cp312-linux_x86_64.whl"
    told = pair(wheel, torch="2.12.1+cu130", gpu="NVIDIA GeForce RTX 5090", capability="12.0", driver="576.88")
    told = replace(told, images=images([Arch(8, 0), Arch(9, 0), Arch(10, 0), Arch(12, 0)]))
    found = {
        *by_facts(told),
        *by_text(told, "RuntimeError: The NVIDIA driver on your system is too old (found 12090)", SIGNS),
    }
    (driver,) = found
    assert driver.tokens == "cu128 torch2.11 cp312"
    assert "driver 580 or newer, or torch 2.11 for CUDA 12.8" in driver.remedy
    assert driver.remedy.endswith("build it with: nox -s build -- cu128 torch2.11 cp312")


def test_a_gpu_that_is_too_old_for_flash_attn_is_offered_no_build() -> None:
    wheel = "flash_attn-2.8.3.post2+cu13torch2.9cxx11abiTRUE-cp312-cp312-linux_x86_64.whl"
    told = pair(wheel, torch="2.9.1+cu130", gpu="Quadro RTX 5000", capability="7.5", driver="590.48.01")
    found = {*by_facts(told), *by_text(told, "RuntimeError: FlashAttention only supports Ampere GPUs or newer.", SIGNS)}
    (gpu,) = found
    assert gpu.tokens is None
    assert gpu.remedy.endswith("flash-attn has no kernels for 7.5; 8.0 is the oldest it supports")
    assert "nox" not in str(gpu)


def test_the_wheel_that_failed_beside_a_pre_release_is_not_built_again() -> None:
    wheel = FITTING.replace("torch2.11", "torch2.9")
    told = pair(wheel, torch="2.9.0a0+145a3a7bda.nv25.10")
    (torch,) = by_text(told, f"ImportError: {SO}: undefined symbol: _ZN3c105abcdE", SIGNS)
    assert "nox" not in torch.remedy
    assert torch.remedy.endswith("install torch 2.9.1")


def test_what_is_explained_is_what_the_signs_of_logs_tell() -> None:
    explained = compatibility._EXPLAIN  # noqa: SLF001  # a name that no cause has would never be asked for
    assert set(explained) <= {cause.name for cause in SIGNS.causes}
    assert by_text(pair(), "xformers/ops/fmha.py: no kernel image is available", SIGNS) == ()


@given(st.text() | st.from_regex(r"undefined symbol: \S*|libcudart\.so\.\d+: cannot open shared object file"))
def test_anything_may_be_said(text: str) -> None:
    for incompatibility in by_text(pair(), text, SIGNS):
        assert incompatibility.remedy
