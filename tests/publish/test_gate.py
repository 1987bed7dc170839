from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from factory.audit.report import Finding, Report, read_report
from factory.matrix.model import Representative
from factory.publish.gate import Candidate, Gate
from tests.publishing import RULES, TESTED, UNTESTED, make_wheel, report_of, wheel_name


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return report_of(make_wheel(tmp_path))


def candidate(report: Report, **more: object) -> Candidate:
    facts = {"expected": more.pop("expected", None)}
    given = {"filename": report.wheel, "size": report.size, "sha256": report.sha256, "verdict": None}
    return Candidate(**(given | {"report": replace(report, facts=facts)} | more))  # type: ignore[arg-type]


def test_an_audited_wheel_of_the_matrix_passes(report: Report) -> None:
    assert Gate.of(UNTESTED).reasons([candidate(report)]) == ()


@pytest.mark.parametrize("cuda", [None, "12.4"])
def test_the_cuda_it_was_made_for_may_be_the_published_one(report: Report, cuda: str | None) -> None:
    assert Gate.of(UNTESTED).reasons([candidate(report, expected={"cuda": cuda})]) == ()


def test_another_cuda_of_the_same_major_is_refused(report: Report) -> None:
    (reason,) = Gate.of(UNTESTED).reasons([candidate(report, expected={"cuda": "12.1"})])
    assert reason.endswith("was made for CUDA 12.1; under this name the matrix publishes CUDA 12.4")


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 1}])
def test_a_report_of_another_file_is_refused(report: Report, change: dict[str, object]) -> None:
    (reason,) = Gate.of(UNTESTED).reasons([candidate(report, **change)])
    assert "its audit report is of another file" in reason


def test_one_wheel_twice_is_refused(report: Report) -> None:
    (reason,) = Gate.of(UNTESTED).reasons([candidate(report), candidate(report)])
    assert reason == f"{report.wheel}: given more than once"


def test_a_name_in_setuptools_letters_is_refused_with_the_right_one(report: Report) -> None:
    lower = report.wheel.replace("FALSE", "false")
    (reason,) = Gate.of(UNTESTED).reasons([candidate(replace(report, wheel=lower))])
    assert reason == f"{lower}: must be named {report.wheel}"


def test_a_profile_that_the_matrix_publishes_passes(tmp_path: Path) -> None:
    smoke = report_of(make_wheel(tmp_path, wheel_name(local=".smoke")))
    assert Gate.of(replace(UNTESTED, publish_profiles=("full", "smoke"))).reasons([candidate(smoke)]) == ()


@pytest.mark.parametrize(
    ("python", "needs"),
    [(Representative.NEWEST, ["313"]), (Representative.OLDEST, ["39"]), (Representative.ALL, ["39", "310", "313"])],
)
def test_the_wheels_that_stand_for_their_kernels_need_a_verdict(
    tmp_path: Path, python: Representative, needs: list[str]
) -> None:
    gate = Gate.of(replace(TESTED, gpu_python=python))
    wheels = {tag: report_of(make_wheel(tmp_path, wheel_name(tag))) for tag in ("39", "310", "313")}
    assert [tag for tag, report in wheels.items() if gate.reasons([candidate(report)])] == needs


def test_the_matrix_of_this_repository_publishes_its_own_wheels() -> None:
    gate = Gate.of(RULES)
    assert {cell.cuda for cell in gate.cells.values() if (cell.torch, cell.cxx11abi) == ("2.6", False)} == {"12.4"}
    assert all(cell.profile == "full" for cell in gate.cells.values())


def test_a_report_is_read_back(report: Report) -> None:
    assert read_report(report.to_json()) == report


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "[" * 100_000])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_report(text)


def test_a_report_of_another_schema_or_against_itself_is_refused(report: Report) -> None:
    finding = Finding(check="a", message="b", evidence=("c",))
    for wrong in (replace(report, schema=2), replace(report, findings=(finding,)), replace(report, ok=False)):
        with pytest.raises(ValueError, match=r"schema 2|it says ok"):
            read_report(wrong.to_json())
    assert json.loads(report.to_json())["ok"]
