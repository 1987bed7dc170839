from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.gpu_test import page as summary
from factory.gpu_test.verdict import GROUPS, ArchTried, Case, Group, Machine, Timing, Verdict

BAD = Case(group="split", name="fp16 d64|<b>", outcome="failed", error=3.0, allowed=1.0, why="too far\n# off")
VERDICT = Verdict(
    wheel="w.whl",
    sha256="a" * 64,
    seed=7,
    profile="inference",
    left_out=("BACKWARD",),
    machine=Machine(gpu="NVIDIA H100 80GB HBM3", capability="9.0", driver="580.95.05"),
    archs=(ArchTried(arch="sm_90", tested=True, why="what the driver takes on a GPU of 9.0"),),
    misfits=(),
    groups=(
        Group.of(
            "forward",
            [Case(group="forward", name="bf16 d128", outcome="passed", error=0.5, allowed=1.0)],
            trouble="",
            seconds=3,
        ),
        Group.of("split", [BAD], trouble="", seconds=3),
        Group.of("graph", [], trouble="ended by signal 11 (SIGSEGV)", seconds=3),
        Group.of(
            "backward",
            [Case(group="backward", name=name, outcome="skipped", why="left out") for name in "ab"],
            trouble="",
            seconds=3,
        ),
    ),
    timings=(Timing(name="bf16 d128 causal", ours_ms=0.5, sdpa_ms=1.0, beside_ms=0.25),),
    beside="other.whl",
    started="2026-11-23T06:00:00Z",
    seconds=75,
)


@pytest.mark.parametrize(
    ("part", "drawn"),
    [(0, ""), (0.5, "██"), (1, "████"), (0.375, "█▌"), (1 / 32, "▏"), (7, "████"), (-1, ""), (math.inf, "████")],
)
def test_a_bar_is_as_long_as_its_part(part: float, drawn: str) -> None:
    assert summary.bar(part, width=4) == drawn


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_longer_bar_means_more(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert len(summary.bar(low)) <= len(summary.bar(high)) <= 12


def test_rows_show_error_and_speed_as_bars() -> None:
    rows = {row[0]: row for row in summary.group_rows(VERDICT)}
    assert rows["forward"][-2] == "██████       50% bf16 d128"
    assert rows["split"][-2].startswith("████████████ 300% ")
    assert rows["graph"][-1] == "ended by signal 11 (SIGSEGV)"
    ours, torch, beside = summary.timing_rows(VERDICT)
    assert ours == ("bf16 d128 causal", "wheel", "0.500", "██████", "2.00x")
    assert torch[1:] == ("torch", "1.000", "████████████", "1.00x")
    assert beside[1:] == ("beside", "0.250", "███", "4.00x")


def test_skips_are_counted_by_reason() -> None:
    assert summary.skip_lines(VERDICT) == ("backward: skipped 2 cases: left out",)


def test_the_page_says_what_is_wrong_first_and_nothing_on_it_is_markup() -> None:
    page = summary.markdown(VERDICT)
    assert page.startswith("## ❌ GPU test FAILED: w.whl: 1 case passed, 1 failed, 9 of 13 groups not run in 1m15s\n")
    assert page.index("### What is wrong") < page.index("### Error") < page.index("### Speed")
    assert "inference, without BACKWARD" in page
    assert "driver 580.95.05" in page
    assert "d64\\|&lt;b&gt;" in page
    assert "\n# off" not in page
    assert "<b>" not in page


@given(st.text())
def test_a_table_row_stays_one_row_whatever_a_case_is_called(name: str) -> None:
    group = Group.of(
        "forward", [Case(group="forward", name=name, outcome="passed", error=1, allowed=2)], trouble=name, seconds=1
    )
    page = summary.markdown(replace(VERDICT, groups=(group,)))
    (row,) = [line for line in page.split("\n") if line.startswith("| forward ")]
    assert row.replace("\\|", "").count("|") == len(summary.GROUP_COLUMNS) + 1


def test_a_page_of_failures_stays_short() -> None:
    cases = [replace(BAD, name=f"case {number}") for number in range(50)]
    page = summary.markdown(replace(VERDICT, groups=(Group.of("split", cases, trouble="", seconds=1),)))
    assert page.count("\n- split: case ") < 25
    assert "and 30 more, in the verdict" in page


def test_a_passed_wheel_has_no_list_of_wrongs() -> None:
    passed = tuple(
        Group.of(name, [Case(group=name, name="one", outcome="passed")], trouble="", seconds=1) for name in GROUPS
    )
    page = summary.markdown(replace(VERDICT, groups=passed))
    assert page.startswith("## ✅ GPU test passed: ")
    assert "What is wrong" not in page


def test_gpu_code_that_was_not_tried_is_one_remark() -> None:
    assert summary.untried(VERDICT) == ()
    left = [ArchTried(arch=arch, tested=False, why="no such GPU") for arch in ("sm_80", "sm_120")]
    (one,) = summary.untried(replace(VERDICT, archs=(*VERDICT.archs, *left)))
    assert (one.level, one.message) == ("notice", "sm_80: no such GPU\nsm_120: no such GPU")
