from __future__ import annotations

import json
from dataclasses import replace

import pytest

from factory.doctor.doctor import judge, remarks
from factory.doctor.result import Purpose, Section, ok, problem, standing, to_json, warning
from factory.errors import UnfitError

LINES = (ok("nvcc", "there"), warning("MAX_JOBS", "not set", "Set it."), problem("torch", "none", "Install it."))


SECTION = Section(purpose=Purpose.HAND, against="cu124", lines=LINES)


def test_problems_stand_in_the_way() -> None:
    assert [line.subject for line in standing((SECTION,))] == ["torch"]


def test_what_a_program_says_moves_no_cursor() -> None:
    assert problem("nvcc", "a\x1b[31m\nb", "c\0").said == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}b"
    assert problem("nvcc", "a", "c\0").remedy == "c\N{REPLACEMENT CHARACTER}"


def test_the_verdict_counts() -> None:
    assert SECTION.verdict == "1 problem, 1 warning"


def test_json_holds_all_of_it() -> None:
    read = json.loads(to_json((SECTION,)))
    assert (read["schema"], read["ok"]) == (1, False)
    (only,) = read["sections"]
    assert (only["purpose"], only["against"]) == ("hand", "cu124")
    assert only["lines"][2] == {"subject": "torch", "state": "problem", "said": "none", "remedy": "Install it."}
    assert json.loads(to_json((replace(SECTION, lines=LINES[:2]),)))["ok"] is True


def test_in_a_job_what_could_do_harm_is_a_warning_and_each_problem_an_error_with_its_own_remedy() -> None:
    (one,) = remarks((SECTION,))
    assert (one.level, one.title, one.message) == ("warning", "doctor: MAX_JOBS", "not set\nSet it.")
    with pytest.raises(UnfitError) as caught:
        judge((SECTION,))
    assert caught.value.why == ("torch: none",)
    assert [(fault.said, fault.remedy) for fault in caught.value.faults] == [("torch: none", "Install it.")]
