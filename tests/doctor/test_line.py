from __future__ import annotations

import json

from factory.doctor.result import Purpose, Section, ok, problem, standing, to_json, warning

LINES = (ok("nvcc", "there"), warning("MAX_JOBS", "not set", "Set it."), problem("torch", "none", "Install it."))


def section(*, decides: bool) -> Section:
    return Section(purpose=Purpose.HAND, against="cu124", decides=decides, lines=LINES)


def test_only_what_decides_stands_in_the_way() -> None:
    assert [line.subject for line in standing((section(decides=False), section(decides=True)))] == ["torch"]
    assert not list(standing((section(decides=False),)))


def test_what_a_program_says_moves_no_cursor() -> None:
    assert problem("nvcc", "a\x1b[31m\nb", "c\0").said == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}b"
    assert problem("nvcc", "a", "c\0").remedy == "c\N{REPLACEMENT CHARACTER}"


def test_the_verdict_counts() -> None:
    assert section(decides=True).verdict == "1 problem, 1 warning"
    assert section(decides=False).verdict == "1 problem, 1 warning; the factory needs none of it"


def test_json_holds_all_of_it() -> None:
    read = json.loads(to_json((section(decides=True),)))
    assert (read["schema"], read["ok"]) == (1, False)
    (only,) = read["sections"]
    assert (only["purpose"], only["against"], only["decides"]) == ("hand", "cu124", True)
    assert only["lines"][2] == {"subject": "torch", "state": "problem", "said": "none", "remedy": "Install it."}
    assert json.loads(to_json((section(decides=False),)))["ok"] is True
