from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import VerdictError
from factory.gpu_test.verdict import GROUPS, OTHERS, ArchTried, Case, Group, Machine, Timing, Verdict

SHA = "a" * 64


def group(name: str, *cases: Case, trouble: str = "") -> Group:
    made = cases or (Case(group=name, name="one", outcome="passed", error=0.5, allowed=1.0),)
    return Group.of(name, made, trouble=trouble, seconds=1.5)


PASSED = Verdict(
    wheel="flash_attn-2.8.3.post2+cu13torch2.11cxx11abiTRUE-cp312-cp312-linux_x86_64.whl",
    sha256=SHA,
    seed=7,
    profile="full",
    left_out=(),
    machine=Machine(gpu="NVIDIA H100 80GB HBM3", capability="9.0", driver="580.95.05", torch="2.11.0+cu130"),
    archs=(ArchTried(arch="sm_90", tested=True, why="what the driver takes"),),
    misfits=(),
    groups=tuple(group(name) for name in GROUPS),
    timings=(Timing(name="bf16", ours_ms=0.4, sdpa_ms=0.8),),
    beside=None,
    started="2026-11-23T06:00:00Z",
    seconds=60.5,
)


def with_group(made: Group) -> Verdict:
    return replace(PASSED, groups=tuple(made if row.name == made.name else row for row in PASSED.groups))


def test_a_whole_trial_passes_and_is_bound_to_its_file() -> None:
    assert PASSED.ok
    assert PASSED.complaints == ()
    assert PASSED.bound_to(SHA)
    assert not PASSED.bound_to("b" * 64)
    assert not PASSED.bound_to("")


@pytest.mark.parametrize("missing", GROUPS)
def test_a_trial_that_lacks_a_group_is_never_ok(missing: str) -> None:
    made = replace(PASSED, groups=tuple(row for row in PASSED.groups if row.name != missing))
    assert made.complaints == (f"did not run: {missing}",)
    assert not made.ok


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize(
    ("case", "trouble"),
    [
        (Case(group="x", name="one", outcome="failed"), ""),
        (Case(group="x", name="one", outcome="passed", error=1.1, allowed=1.0), ""),
        (Case(group="x", name="one", outcome="passed", error=math.nan, allowed=1.0), ""),
        (Case(group="x", name="one", outcome="passed", error=0.0, allowed=math.nan), ""),
        (Case(group="x", name="one", outcome="passed", error=math.inf), ""),
        (Case(group="x", name="one", outcome="passed", error=1e-9, allowed=0.0), ""),
        (Case(group="x", name="one", outcome="passed"), "ended by signal 11 (SIGSEGV)"),
    ],
)
def test_one_failure_anywhere_fails_the_wheel(name: str, case: Case, trouble: str) -> None:
    made = with_group(group(name, Case(group=name, name="zero", outcome="passed"), case, trouble=trouble))
    assert not made.ok
    assert made.complaints[0].startswith(name)


@pytest.mark.parametrize("name", [name for name in GROUPS if name != OTHERS])
def test_a_full_wheel_leaves_no_group_untried(name: str) -> None:
    made = replace(with_group(group(name, Case(group=name, name="one", outcome="skipped", why="no"))), timings=())
    untried = {complaint.partition(":")[0] for complaint in made.complaints}
    assert untried == {name}


def test_a_profile_may_leave_groups_nothing_but_never_the_kernels_it_has() -> None:
    empty = {name: Case(group=name, name="one", outcome="skipped", why="left out") for name in GROUPS}
    inference = replace(PASSED, profile="inference", left_out=("BACKWARD",))
    without_backward = replace(
        inference, groups=tuple(group(n, empty[n]) if n == "backward" else group(n) for n in GROUPS)
    )
    nothing = replace(inference, groups=tuple(group(name, case) for name, case in empty.items()))
    assert without_backward.ok
    assert {line.partition(":")[0] for line in nothing.complaints} >= {"import", "forward", "split", "kvcache"}


@pytest.mark.parametrize(
    "made",
    [
        replace(PASSED, archs=()),
        replace(PASSED, archs=(ArchTried(arch="sm_80", tested=False, why="another"),)),
        replace(PASSED, misfits=("torch: the wheel is for 2.10, here is 2.11",)),
        replace(PASSED, groups=(*PASSED.groups, PASSED.groups[0])),
        replace(PASSED, groups=(*PASSED.groups, group("further"))),
    ],
)
def test_what_else_keeps_a_wheel_from_passing(made: Verdict) -> None:
    assert not made.ok


def test_the_worst_case_is_the_one_nearest_to_its_limit() -> None:
    cases = [
        Case(group="forward", name=name, outcome="passed", error=error, allowed=allowed)
        for name, error, allowed in [("large", 2.0, 10.0), ("near", 0.009, 0.01), ("unmeasured", None, None)]
    ]
    worst = Group.of("forward", cases, trouble="", seconds=0).worst
    assert worst is not None
    assert worst.name == "near"


NUMBERS = st.none() | st.floats()
CASES = st.builds(
    Case,
    group=st.sampled_from(GROUPS),
    name=st.text(),
    outcome=st.sampled_from(["passed", "failed", "skipped"]),
    error=NUMBERS,
    allowed=NUMBERS,
    why=st.text(),
)
TIMES = st.floats(min_value=0, max_value=1e9, exclude_min=True)
VERDICTS = st.builds(
    replace,
    st.just(PASSED),
    wheel=st.text(),
    seed=st.integers(),
    left_out=st.lists(st.text()).map(tuple),
    misfits=st.lists(st.text(), max_size=2).map(tuple),
    groups=st.lists(
        st.builds(Group.of, st.sampled_from(GROUPS), st.lists(CASES, max_size=4), trouble=st.text(), seconds=TIMES),
        max_size=4,
    ).map(tuple),
    timings=st.lists(st.builds(Timing, name=st.text(), ours_ms=TIMES, sdpa_ms=st.none() | TIMES)).map(tuple),
)


@given(VERDICTS)
def test_what_is_written_is_read_back(verdict: Verdict) -> None:
    text = verdict.to_json()
    again = Verdict.from_json(text)
    assert again.to_json() == text
    assert again.ok == verdict.ok == json.loads(text)["ok"]
    assert again.complaints == verdict.complaints


@given(VERDICTS.filter(lambda verdict: not verdict.ok))
def test_no_verdict_is_made_good_by_its_ok_alone(verdict: Verdict) -> None:
    stated = json.loads(verdict.to_json()) | {"ok": True}
    with pytest.raises(VerdictError, match="contradicts itself"):
        Verdict.from_json(json.dumps(stated))


def spoilt(**changes: object) -> str:
    return json.dumps(json.loads(PASSED.to_json()) | changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        "[" * 100_000,
        PASSED.to_json()[:-20],
        spoilt(schema=2),
        spoilt(sha256="A" * 64),
        spoilt(sha256="a" * 64 + "\n"),
        spoilt(sha256=None),
        spoilt(ok=False),
        spoilt(ok="yes"),
        spoilt(groups={}),
        spoilt(groups=[None]),
        spoilt(more="than it has"),
        spoilt(started="yesterday"),
        spoilt(timings=[{"name": "x", "ours_ms": "NaN", "sdpa_ms": None, "beside_ms": None}]),
        spoilt(groups=[row | {"passed": 2} for row in json.loads(PASSED.to_json())["groups"]]),
        spoilt(groups=[row | {"failed": 1} for row in json.loads(PASSED.to_json())["groups"]]),
    ],
)
def test_what_is_no_verdict_is_refused_in_words(text: str) -> None:
    with pytest.raises(VerdictError) as caught:
        Verdict.from_json(text)
    assert caught.value.status == 43
    assert caught.value.why
