from __future__ import annotations

import json
import re

import pytest

from factory.index import rules
from factory.index.served.flash_attn_wheel import PRERELEASE, Environment, rules_of, unbuildable
from factory.matrix.load import load as load_matrix
from tests.frozen import MATRIX

TABLE = rules.table(load_matrix(MATRIX.read_bytes()))


@pytest.mark.parametrize(
    ("capability", "names"),
    [
        ("7.0", ["Tesla V100-SXM2-16GB", "NVIDIA TITAN V"]),
        ("7.2", ["Xavier"]),
        (
            "7.5",
            ["Tesla T4", "Quadro RTX 8000", "NVIDIA GeForce RTX 2080 Ti", "NVIDIA GeForce GTX 1650", "T1000"],
        ),
        ("8.0", ["NVIDIA A100-SXM4-80GB", "NVIDIA A100 80GB PCIe MIG 1g.10gb", "NVIDIA A30", "GRID A100-40C"]),
        (
            "8.6",
            ["NVIDIA A10G", "NVIDIA RTX A6000", "NVIDIA GeForce RTX 3060 Laptop GPU", "NVIDIA A2"],
        ),
        ("8.7", ["Orin", "NVIDIA Jetson AGX Orin"]),
        ("8.9", ["NVIDIA L4", "NVIDIA L40S", "NVIDIA GeForce RTX 4090", "NVIDIA RTX 6000 Ada Generation"]),
        ("9.0", ["NVIDIA H100 80GB HBM3", "NVIDIA H200", "NVIDIA GH200 480GB", "NVIDIA H20"]),
        ("10.0", ["NVIDIA B200", "NVIDIA GB200"]),
        ("10.3", ["NVIDIA B300 SXM6 AC", "NVIDIA GB300"]),
        ("11.0", ["NVIDIA Thor"]),
        ("12.0", ["NVIDIA GeForce RTX 5090", "NVIDIA RTX PRO 6000 Blackwell Server Edition"]),
        ("12.1", ["NVIDIA GB10"]),
        (None, ["Tesla P100-PCIE-16GB", "NVIDIA GeForce GTX 1080 Ti", "NVIDIA Graphics Device", "Quadro M4000"]),
    ],
)
def test_a_name_tells_one_capability_or_none(capability: str | None, names: list[str]) -> None:
    for name in names:
        found = [rule["capability"] for rule in TABLE["gpus"] if re.search(rule["names"], name)]
        assert found == ([] if capability is None else [capability]), name


@pytest.mark.parametrize(
    ("version", "early"),
    [
        ("2.6.0+cu124", False),
        ("2.10.0", False),
        ("2.9.0a0+50eac811a6.nv25.10", True),
        ("2.11.0.dev20260101+cu130", True),
        ("2.5.0rc1", True),
    ],
)
def test_which_torch_is_none_that_was_released(version: str, early: bool) -> None:  # noqa: FBT001
    assert (re.match(PRERELEASE["pattern"], version) is not None) is early


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        (Environment(torch="2.99"), "there is torch 2.4, 2.5"),
        (Environment(torch="2.6", cuda="11.8"), "torch has no builds for CUDA 11.8 since 2.8"),
        (Environment(torch="2.6", cuda="12.8"), "torch 2.6 goes with CUDA 12.4, 12.6; not 12.8"),
        (
            Environment(torch="2.6", cuda="12.4", cxx11abi=True),
            "torch 2.6, CUDA 12.4 goes with C++ ABI cxx11abiFALSE; not cxx11abiTRUE",
        ),
        (Environment(torch="2.6", python="3.14"), "torch 2.6 goes with Python 3.9, 3.10, 3.11, 3.12, 3.13; not 3.14"),
        (Environment(cuda="13.0", flash_attn="2.7.4.post1"), "the CUTLASS inside flash-attn 2.7.4.post1 is older"),
        (Environment(machine="riscv64"), "there is machine aarch64, x86_64; not riscv64"),
        (Environment(torch="2.6", machine="aarch64"), "torch 2.6 goes with machine x86_64; not aarch64"),
        (Environment(torch="2.11", machine="aarch64"), "this factory cannot link the host code of wheels for aarch64"),
        (Environment(profile="tiny"), "there is profile full, inference, smoke; not tiny"),
        (Environment(torch="2.6", cuda="12.4", python="3.10"), ""),
    ],
)
def test_why_a_cell_cannot_be_built(environment: Environment, why: str) -> None:
    said = unbuildable(environment, TABLE)
    assert said.startswith(why)
    assert bool(said) is bool(why)


def test_the_client_reads_what_the_index_writes() -> None:
    assert rules_of(rules.to_json(TABLE)) == TABLE
    for text in ('{"schema": 1}', "[]", json.dumps({**TABLE, "schema": 2})):
        with pytest.raises(ValueError, match="it "):
            rules_of(text)
