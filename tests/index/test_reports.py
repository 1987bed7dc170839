"""Machines as people reported them, before an index that has every wheel the matrix chooses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from factory.index import rules
from factory.index.served.flash_attn_wheel import Answer, Row, probed, resolve, smi
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.model import State
from tests.frozen import MATRIX
from tests.samplewheels import wheel

MATRIX_ITSELF = load_matrix(MATRIX.read_bytes())
RULES = rules.table(MATRIX_ITSELF)
ROWS = [
    wheel(
        row.cell.flash_attn, torch=row.cell.torch, cuda=row.cell.cuda, python=row.cell.python, abi=row.cell.cxx11abi
    ).row
    for row in expand(MATRIX_ITSELF)
    if row.state is State.BUILD
]


def asked(torch: str, driver: str, rows: Sequence[Row] = ROWS) -> tuple[Answer, str]:
    told = {"python": "3.12", "machine": "x86_64", "system": "Linux", "glibc": "glibc 2.39"}
    found = probed(json.dumps({**told, "torch": torch, "cuda": "13.0", "cxx11abi": True}))
    gpus, branch = smi(driver)
    return resolve(replace(found.environment, gpus=gpus, driver=branch), rows, RULES), found.caution


def test_no_build_is_offered_for_a_gpu_before_ampere() -> None:
    for rows in (ROWS, []):
        answer, _ = asked("2.9.1+cu130", "7.5, 590.48.01", rows)
        assert (answer.wheel, answer.build) == (None, "")
        assert answer.unbuildable == "flash-attn has no kernels for 7.5; 8.0 is the oldest it supports"


def test_no_build_is_offered_for_a_torch_that_was_not_published_with_that_cuda() -> None:
    answer, _ = asked("2.8.0a0+34c6371d24.nv25.08", "9.0, 580.82.07")
    assert (answer.wheel, answer.build) == (None, "")
    assert "CUDA 12.6, 12.8, 12.9; not 13.0" in answer.unbuildable


def test_a_torch_of_nvidia_s_own_is_said_to_be_ahead_of_its_release() -> None:
    answer, caution = asked("2.9.0a0+145a3a7bda.nv25.10", "9.0, 580.95.05")
    assert answer.wheel is not None
    assert answer.wheel["torch"] == "2.9"
    assert "2.9.0a0+145a3a7bda.nv25.10 is a pre-release" in caution
