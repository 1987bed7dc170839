from __future__ import annotations

import pytest

from factory.gpu_test.coverage import Reach, exercised, others
from factory.matrix.arch import Arch
from factory.wheel.fatbin import images


def taken(archs: str, gpu: str) -> list[str]:
    made = exercised(images(Arch.parse(word) for word in archs.split()), Arch.parse(gpu), Reach(kernels=True))
    assert all(row.why for row in made)
    return [row.arch for row in made if row.tested]


@pytest.mark.parametrize(
    ("archs", "gpu", "run"),
    [
        ("8.0 9.0 10.0 12.0", "9.0", ["sm_90"]),
        ("8.0 9.0", "8.9", ["sm_80"]),
        ("8.0 8.6", "8.9", ["sm_86"]),
        ("8.6", "8.0", []),
        ("8.0", "9.0", []),
        ("8.0+PTX", "9.0", ["compute_80"]),
        ("8.0+PTX 9.0", "9.0", ["sm_90"]),
        ("8.0+PTX", "7.5", []),
        ("8.0 9.0a", "9.0", ["sm_90a"]),
        ("9.0a", "10.0", []),
        ("9.0a+PTX", "10.0", []),
        ("10.0f", "10.3", ["sm_100f"]),
        ("10.0f+PTX", "12.0", []),
        ("10.0+PTX 12.0+PTX", "12.1", ["sm_120"]),
    ],
)
def test_one_form_at_most_runs_on_a_gpu(archs: str, gpu: str, run: list[str]) -> None:
    assert taken(archs, gpu) == run


def test_nothing_was_tested_by_a_trial_that_got_nowhere() -> None:
    (row,) = exercised(images([Arch(9, 0)]), Arch(9, 0), Reach(kernels=False))
    assert not row.tested
    assert "did not get as far" in row.why


@pytest.mark.parametrize(
    ("archs", "gpu", "rest"),
    [
        ("9.0", "9.0", []),
        ("8.0 9.0+PTX 10.0+PTX", "9.0", ["compute_90"]),
        ("8.0+PTX 8.6 8.9", "8.9", ["compute_80", "sm_80", "sm_86"]),
        ("8.0+PTX 9.0+PTX", "12.0", ["compute_80"]),
        ("9.0 9.0a", "9.0", ["sm_90"]),
    ],
)
def test_what_else_a_gpu_can_run_is_tested_if_its_sample_passed(archs: str, gpu: str, rest: list[str]) -> None:
    there, here = images(Arch.parse(word) for word in archs.split()), Arch.parse(gpu)
    assert [str(image) for image in others(there, here)] == rest
    for passed in ([], rest):
        tested = {row.arch for row in exercised(there, here, Reach(kernels=True, others=passed)) if row.tested}
        assert tested == {*taken(archs, gpu), *passed}
