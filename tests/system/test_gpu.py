from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import GpuError
from factory.system import gpu
from factory.system.gpu import Gpu
from tests.smalltrial import nvidia_smi


def test_every_gpu_is_listed_with_its_driver(tmp_path: Path) -> None:
    env = nvidia_smi(tmp_path, "NVIDIA H100 80GB HBM3, 9.0, 580.95.05\nNVIDIA A10G, 8.6, 580.95.05")
    assert gpu.find(env) == (
        Gpu(name="NVIDIA H100 80GB HBM3", capability="9.0", driver="580.95.05"),
        Gpu(name="NVIDIA A10G", capability="8.6", driver="580.95.05"),
    )


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ("No devices were found", 6, "No devices were found"),
        ("NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.", 9, "NVIDIA-SMI has failed"),
        ("", 0, "nvidia-smi lists no GPU"),
        ("Tesla K80, [N/A], 470.57.02", 0, "[N/A]"),
    ],
)
def test_a_machine_whose_driver_lists_none(tmp_path: Path, answer: str, status: int, said: str) -> None:
    with pytest.raises(GpuError) as caught:
        gpu.find(nvidia_smi(tmp_path, answer, status))
    assert said in caught.value.why[0]
    assert caught.value.status == 42


def test_a_machine_without_a_driver(tmp_path: Path) -> None:
    with pytest.raises(GpuError) as caught:
        gpu.find({"PATH": str(tmp_path)})
    assert "nvidia-smi" in caught.value.why[0]
    assert caught.value.remedy
