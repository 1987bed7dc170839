"""The real thing on a real GPU: this machine's own wheel passes, and wheels made wrong on purpose do not.

Run by ``nox -s e2e_gpu`` on a machine with an NVIDIA GPU. With 16 cores and nothing compiled before it takes about
five minutes for the wheel, as many for the one built upstream's way, and seven for everything else; `--wheels DIR`
keeps what is built.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from factory.gpu_test.verdict import GROUPS, Group, Verdict
from factory.system.files import sha256_of
from tests.gpu import wrong
from tests.gpu.lab import Lab, open_lab, tried

pytestmark = pytest.mark.e2e_gpu

FAILED = 43


@pytest.fixture(scope="module")
def lab() -> Lab:
    return open_lab()


@pytest.fixture(scope="module")
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    named: Path | None = request.config.getoption("--wheels")
    return named.absolute() if named else tmp_path_factory.mktemp("wheels")


@pytest.fixture(scope="module")
def wheel(lab: Lab, kept: Path) -> Path:
    return made(kept / "own", lab.build)


def made(dist: Path, build: Callable[[Path], Path]) -> Path:
    """Give the wheel in ``dist``, built if it is not there."""
    there = list(dist.glob("*.whl"))
    return there[0] if there else build(dist)


def group(verdict: Verdict, name: str) -> Group:
    (found,) = (one for one in verdict.groups if one.name == name)
    return found


def test_this_machines_own_wheel_passes(lab: Lab, wheel: Path) -> None:
    status, verdict = tried(wheel)
    assert (status, verdict.complaints) == (0, ())
    assert verdict.bound_to(sha256_of(wheel))
    assert [one.name for one in verdict.groups] == list(GROUPS)
    assert {arch.arch for arch in verdict.archs if arch.tested} == lab.runnable


def test_beside_one_built_upstreams_way_it_gives_the_same_bits_as_fast(lab: Lab, wheel: Path, kept: Path) -> None:
    status, verdict = tried(wheel, "--beside", made(kept / "upstream", lab.build_upstreams_way))
    assert (status, verdict.complaints) == (0, ())
    assert all(timing.beside_ms for timing in verdict.timings)
    assert group(verdict, "timing").passed == 2 * len(verdict.timings)


def test_kernels_of_another_architecture_fail(wheel: Path, tmp_path: Path) -> None:
    status, verdict = tried(wrong.other_architecture(wheel, tmp_path))
    assert status == FAILED
    assert verdict.complaints[0].startswith("architectures: the wheel has compute_999 sm_999; ")
    assert [one.name for one in verdict.groups] == ["import"]


def test_a_wheel_of_another_torch_fails(wheel: Path, tmp_path: Path) -> None:
    status, verdict = tried(wrong.other_torch(wheel, tmp_path))
    assert status == FAILED
    assert verdict.complaints[0].startswith("torch: its kernels are for ")
    assert [one.name for one in verdict.groups] == ["import"]


def test_a_small_error_in_one_head_size_fails(wheel: Path, tmp_path: Path) -> None:
    status, verdict = tried(wrong.numbers(wheel, tmp_path))
    assert status == FAILED
    failures = group(verdict, "forward").failures
    assert {case.name.split()[1] for case in failures} == {f"d{wrong.HEAD_SIZE}"}
    assert {case.name.split()[0] for case in failures} == {"fp16", "bf16"}


def test_kernels_of_another_state_pass_plain_forward_and_fail(lab: Lab, kept: Path) -> None:
    status, verdict = tried(made(kept / "state", lab.build_for_another_state))
    assert status == FAILED
    assert group(verdict, "import").ok
    assert group(verdict, "forward").ok
    assert not group(verdict, "split").ok
