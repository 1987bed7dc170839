"""The GPU and the driver that a log shows decide what is advised, as those of this machine would."""

from __future__ import annotations

import re

import pytest

from factory.diagnose.facts import facts_of
from factory.diagnose.machine import rules
from factory.diagnose.reading import read
from factory.matrix.advice import Facts
from tests.diagnose.corpus import EXCERPTS, LOGS, REPORTS, told

# nvidia-smi in WSL 2, whose driver is that of Windows
SMI = """+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 575.64.01              Driver Version: 576.88         CUDA Version: 12.9     |
|-----------------------------------------+------------------------+----------------------+
|   0  NVIDIA GeForce RTX 5090        On  |   00000000:E1:00.0  On |                  N/A |
|100%   27C    P5             56W /  575W |     687MiB /  32607MiB |      1%      Default |
+-----------------------------------------+------------------------+----------------------+
"""
PYTHON = '  File "/opt/venv/lib/python3.12/site-packages/torch/cuda/__init__.py", line 412, in _lazy_init\n'
NOT_FOR_IT = re.compile(r"cu(?:118|12[1-6])\b|cuda-12\.[0-6]\b|\bcu13\d torch|cuda-13|--archs")


def environment(text: str) -> Facts:
    return facts_of(read([text.encode()], rules()).told)


@pytest.mark.parametrize(
    ("text", "gpus", "driver", "driver_cuda"),
    [
        (SMI, ("12.0",), "576.88", "12.9"),
        ("| NVIDIA-SMI 610.43.02   KMD Version: 610.43.02   CUDA UMD Version: 13.3 |", (), "610.43.02", "13.3"),
        ("Nvidia driver version: 575.64.03\nGPU 0: NVIDIA GeForce RTX 5090 D", ("12.0",), "575.64.03", None),
        ("GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6)", ("8.0",), None, None),
        ("NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is not compatible with", ("12.0",), None, None),
        ("Found GPU0 NVIDIA GB10 which is of cuda capability 12.1.", ("12.1",), None, None),
        ("UserWarning: Found GPU0 Orin which is of compute capability (CC) 8.7.", ("8.7",), None, None),
        ("The NVIDIA driver on your system is too old (found version 12090).", (), None, "12.9"),
        ("INFO: running on NVIDIA H100 80GB HBM3", ("9.0",), None, None),
        ("nvcc -gencode arch=compute_90,code=sm_90 -c flash_fwd.cu", (), None, None),
    ],
)
def test_what_a_log_shows_of_them(
    text: str, gpus: tuple[str, ...], driver: str | None, driver_cuda: str | None
) -> None:
    found = environment(text)
    assert (found.gpus, found.driver, found.driver_cuda) == (gpus, driver, driver_cuda)


def test_a_driver_that_is_too_old_for_torch_runs_none_of_its_cuda() -> None:
    said = "CUDA driver version is insufficient for CUDA runtime version"
    assert environment(f"torch.__version__  = 2.12.0+cu130\n{said}").driver_cuda == "12"
    assert environment(said).driver_cuda is None


@pytest.mark.parametrize("torch", ["2.6.0+cu124", "2.8.0+cu126", "2.12.0+cu130", "2.12.0+cpu"])
def test_a_5090_with_driver_576_is_never_sent_to_what_does_not_run_there(torch: str) -> None:
    head = f"torch.__version__  = {torch}\n{SMI}{PYTHON}"
    seen, cells = set(), []
    reports = [(LOGS / "reported" / row["log"]).read_text() for row in REPORTS]
    for text in (*(row["text"] for row in EXCERPTS), *reports):
        if any(word in text for word in ("GPU0", "sm_", "torch.__version__", "aarch64", "python3", "cp3")):
            continue  # it is of another machine
        found = told(f"{head}{text}\n".encode())
        remedy = found.text.partition("Next: ")[2]
        assert not NOT_FOR_IT.search(remedy), remedy
        seen.add(found.cause)
        cells += found.cells
    assert all(cell.startswith("cu128 torch2.") for cell in cells), cells
    assert len(cells) > 10
    assert len(seen) > (1 if torch.endswith("+cpu") else 15)  # a torch for the CPU is the first cause of all


def test_a_torch_without_the_gpu_gets_the_nearest_that_has_it() -> None:
    said = (
        "NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is not compatible with the current PyTorch installation."
    )
    found = told(f"torch.__version__  = 2.6.0+cu124\n{PYTHON}{said}\n".encode())
    assert found.cause == "gpu_torch"
    assert found.cells == ["cu128 torch2.7 cp312"]
    assert "The GPU is sm_120" in found.text
    found = told(f"torch.__version__  = 2.6.0+cu124\n{said}\n".encode())  # of an unknown Python
    assert "such as cu128 torch2.7 cp3" in found.text
    assert "cu124" not in found.text.partition("Next: ")[2]


def test_a_driver_that_torch_calls_too_old_gets_the_torch_that_it_runs() -> None:
    said = "RuntimeError: The NVIDIA driver on your system is too old (found version 12090). Please update your GPU"
    found = told(f"torch.__version__  = 2.9.1+cu130\n{PYTHON}{said}\n".encode())
    assert (found.cause, found.cells) == ("driver", ["cu128 torch2.9 cp312"])
    assert "driver 580 or newer, or torch 2.9 for CUDA 12.8" in found.text
    assert "whl/cu126" in found.text  # the newest torch of all that such a driver runs


def test_no_driver_at_all_is_answered_by_no_build() -> None:
    said = "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"
    found = told(f"torch.__version__  = 2.9.1+cu130\n{PYTHON}{said}\n".encode())
    assert (found.cause, found.cells) == ("driver_missing", [])


def test_torch_2_13_says_it_in_other_words() -> None:
    found = told(
        b"UserWarning: Found GPU0 NVIDIA GeForce RTX 5060 Ti which is of compute capability (CC) 12.0.\n"
        b"Your installed torch==2.13.0+cu126 does not include kernels for this GPU. Reinstall the same version against"
        b" a CUDA build that does, e.g.:\n"
    )
    assert found.cause == "gpu_torch"
    assert "such as cu130 torch2.13 " in found.text


def test_a_gpu_that_no_build_serves_is_told_so() -> None:
    found = told(
        b"Tesla V100-PCIE-32GB with CUDA capability sm_70 is not compatible with the current PyTorch installation."
    )
    assert (found.cause, found.cells) == ("gpu_old", [])


def test_what_people_write_above_a_log_is_read() -> None:
    said = "CUDA error (flash_fwd_launch_template.h:184): no kernel image is available for execution on the device"
    found = told(f"python 3.10.18\ncuda 12.8\ntorch 2.8.0+cu128\nflash-attn 2.8.3\n{said}\n".encode())
    assert (found.cause, found.cells) == ("no_kernel", ["cu128 torch2.8 cp310"])
    found = told(f"pytorch version: 2.9.0.dev20250909+cu128, Python 3.12\n{said}\n".encode())
    assert found.cells == ["cu128 torch2.9 cp312"]
    assert "is a pre-release" in found.text


def test_the_toolkit_of_a_known_cell_is_named() -> None:
    said = "FileNotFoundError: [Errno 2] No such file or directory: '/opt/saturncloud/envs/saturn/bin/nvcc'"
    found = told(f"torch.__version__  = 2.5.1\n{PYTHON}{said}\n".encode())
    assert "CUDA_HOME=/usr/local/cuda-12.4" in found.text
    assert "X.Y" not in found.text
