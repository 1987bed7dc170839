from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from factory.audit.report import Finding, Report, read_report
from factory.matrix.model import Matrix, Representative
from factory.publish.gate import Candidate, Gate, lines
from factory.wheel import cyclonedx
from factory.wheel.cyclonedx import Part
from tests.publishing import RULES, TESTED, UNTESTED, make_wheel, materials, report_of, verdict_of, wheel_name


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return report_of(make_wheel(tmp_path))


def candidate(report: Report, **more: object) -> Candidate:
    """A wheel that is what its report says, ``more`` apart."""
    facts = dict(report.facts) | {"expected": more.pop("expected", None)}
    given = {"filename": report.wheel, "size": report.size, "sha256": report.sha256, "verdict": None, "read": report}
    given["parts"] = materials(report.wheel)
    return Candidate(**(given | {"report": replace(report, facts=facts)} | more))  # type: ignore[arg-type]


def reasons(gate: Gate, candidates: Sequence[Candidate]) -> tuple[str, ...]:
    return lines(gate.judge(candidates))


def test_an_audited_wheel_of_the_matrix_passes(report: Report) -> None:
    assert reasons(Gate.of(UNTESTED), [candidate(report)]) == ()


@pytest.mark.parametrize("cuda", [None, "12.4"])
def test_the_cuda_it_was_made_for_may_be_the_published_one(report: Report, cuda: str | None) -> None:
    assert reasons(Gate.of(UNTESTED), [candidate(report, expected={"cuda": cuda})]) == ()


def test_another_cuda_of_the_same_major_is_refused(report: Report) -> None:
    (reason,) = reasons(Gate.of(UNTESTED), [candidate(report, expected={"cuda": "12.1"})])
    assert reason.endswith("was made for CUDA 12.1; under this name the matrix publishes CUDA 12.4")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([cyclonedx.torch("2.6.1")], ["has torch 2.6.1, which it is not made of"]),
        ([cyclonedx.cuda("12.9")], ["has CUDA toolkit 12.9, which it is not made of"]),
        ([cyclonedx.flash_attn("2.7.4.post1", "0" * 64)], ["has flash-attn 2.7.4.post1, which it is not made of"]),
        (
            "torch",
            ["has torch 2.5.1, which it is not made of", "lacks torch 2.6"],
        ),
        ("flash-attn", ["lacks flash-attn 2.7.4.post1"]),
        ("CUDA toolkit", ["lacks CUDA toolkit 12.4"]),
    ],
)
def test_what_it_says_that_it_is_made_of_is_held_to_the_matrix(
    report: Report, wrong: list[Part] | str, said: list[str]
) -> None:
    parts = materials(report.wheel)
    if isinstance(wrong, str):
        parts = tuple(part for part in parts if part["name"] != wrong)
        wrong = [cyclonedx.torch("2.5.1")] if wrong == "torch" else []
    found = reasons(Gate.of(UNTESTED), [candidate(report, parts=(*parts, *wrong))])
    assert found == tuple(f"{report.wheel}: its bill of materials {line}" for line in said)


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 1}])
def test_a_report_of_another_file_is_refused(report: Report, change: dict[str, object]) -> None:
    (reason,) = reasons(Gate.of(UNTESTED), [candidate(report, **change)])
    assert "its audit report is of another file" in reason


def test_one_wheel_twice_is_refused(report: Report) -> None:
    (reason,) = reasons(Gate.of(UNTESTED), [candidate(report), candidate(report)])
    assert reason == f"{report.wheel}: given more than once"


def test_a_name_in_setuptools_letters_is_refused_with_the_right_one(report: Report) -> None:
    lower = report.wheel.replace("FALSE", "false")
    (reason,) = reasons(Gate.of(UNTESTED), [candidate(replace(report, wheel=lower))])
    assert reason == f"{lower}: must be named {report.wheel}"


def test_a_profile_that_the_matrix_publishes_passes(tmp_path: Path) -> None:
    smoke = report_of(make_wheel(tmp_path, wheel_name(local=".smoke")))
    gate = Gate.of(replace(UNTESTED, publish_profiles=("full", "smoke")))
    assert reasons(gate, [candidate(smoke)]) == ()


PYTHONS = ("39", "310", "313")
BY_PYTHON = [(Representative.NEWEST, ["313"]), (Representative.OLDEST, ["39"]), (Representative.ALL, [*PYTHONS])]


@pytest.fixture
def family(tmp_path: Path) -> dict[str, Candidate]:
    """One torch's wheels for three Pythons, and one of another torch that holds the same kernels."""
    wheels = {tag: make_wheel(tmp_path, wheel_name(tag)) for tag in PYTHONS}
    wheels["other"] = make_wheel(tmp_path, wheel_name("313", "2.5"))
    return {tag: candidate(report_of(wheel), verdict=verdict_of(wheel)) for tag, wheel in wheels.items()}


def held_back(python: Representative, given: Mapping[str, Candidate], refused: Collection[str] = ()) -> list[str]:
    judged = Gate.of(replace(TESTED, gpu_python=python)).judge(list(given.values()), refused=refused)
    return [tag for tag, one in zip(given, judged, strict=True) if one.reasons]


def untested(given: Mapping[str, Candidate], *tags: str) -> dict[str, Candidate]:
    return {tag: replace(one, verdict=None) if tag in tags else one for tag, one in given.items()}


def failed(one: Candidate) -> Candidate:
    assert one.verdict is not None
    return replace(one, verdict=replace(one.verdict, misfits=("wrong numbers",)))


@pytest.mark.parametrize(("python", "needs"), BY_PYTHON)
def test_the_wheels_that_stand_for_their_kernels_need_a_verdict(
    family: dict[str, Candidate], python: Representative, needs: list[str]
) -> None:
    """And where they have one, the others need none."""
    alone = [tag for tag in PYTHONS if held_back(python, untested({tag: family[tag]}, tag))]
    assert alone == [*PYTHONS]
    assert held_back(python, untested(family, *(set(PYTHONS) - set(needs)))) == []
    assert set(held_back(python, untested(family, *needs))) == set(needs)


@pytest.mark.parametrize(("python", "needs"), BY_PYTHON[:2])
def test_a_representative_without_verdict_or_not_given_holds_back_all_it_stands_for(
    family: dict[str, Candidate], python: Representative, needs: list[str]
) -> None:
    none = untested(family, *PYTHONS)
    assert held_back(python, none) == [*PYTHONS]  # the other torch has a verdict of its own
    absent = {tag: one for tag, one in none.items() if tag not in needs}
    assert held_back(python, absent) == [tag for tag in PYTHONS if tag not in needs]


@pytest.mark.parametrize("matrix", [TESTED, UNTESTED])
@pytest.mark.parametrize("tag", [*PYTHONS, "other"])
def test_a_verdict_that_failed_holds_back_every_wheel_of_those_kernels(
    family: dict[str, Candidate], matrix: Matrix, tag: str
) -> None:
    judged = Gate.of(matrix).judge([*(family | {tag: failed(family[tag])}).values()])
    assert all(one.reasons for one in judged)
    assert any(line.endswith(f"did not pass the GPU test in {family[tag].filename}") for line in lines(judged))


def test_other_kernels_may_go_though_some_failed(family: dict[str, Candidate], tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, wheel_name("313", "2.7", abi="TRUE", version="2.8.3.post2"))
    other = candidate(report_of(wheel), verdict=verdict_of(wheel))
    assert held_back(Representative.NEWEST, {"313": failed(family["313"]), "new": other}) == ["313"]


@pytest.mark.parametrize("wrong", ["report", "name", "another file", "refused elsewhere"])
def test_a_representative_that_may_not_go_itself_stands_for_nobody(family: dict[str, Candidate], wrong: str) -> None:
    newest = family["313"]
    assert newest.verdict is not None
    spoilt = {
        "report": replace(newest, report=None),
        "name": replace(newest, verdict=replace(newest.verdict, wheel="other.whl")),
        "another file": replace(newest, verdict=replace(newest.verdict, sha256="0" * 64)),
        "refused elsewhere": newest,
    }[wrong]
    given = {"310": replace(family["310"], verdict=None), "313": spoilt}
    refused = [newest.filename] if wrong == "refused elsewhere" else []
    assert held_back(Representative.NEWEST, given, refused)[0] == "310"


def test_a_run_of_some_pythons_may_try_the_one_it_has(family: dict[str, Candidate]) -> None:
    """The workflow tries one of those that a run builds, which need not be the matrix's own choice."""
    given = {"39": replace(family["39"], verdict=None), "310": family["310"]}
    assert held_back(Representative.NEWEST, given) == []


def test_a_wheel_for_another_machine_rests_on_the_verdict_of_the_same_kernels(tmp_path: Path) -> None:
    """No GPU that the matrix names can try it, and its machine code is that of the other wheel."""
    name = wheel_name("311", "2.11", abi="TRUE", version="2.8.3.post2").replace("+cu12", "+cu13")
    here, there = (make_wheel(tmp_path, one) for one in (name, name.replace("x86_64", "aarch64")))
    tried, abroad = (
        candidate(report_of(here), verdict=verdict_of(here)),
        candidate(report_of(there), parts=materials(here.name)),
    )
    gate = Gate.of(replace(TESTED, skips=tuple(skip for skip in TESTED.skips if not skip.machine)))

    def held_back(*given: Candidate) -> list[bool]:
        return [bool(one.reasons) for one in gate.judge(given)]

    (said,) = lines(gate.judge([abroad]))
    assert said.endswith("-cp314-cp314-linux_x86_64.whl stands for them and is not given")
    assert held_back(tried, abroad) == [False, False]
    assert held_back(failed(tried), abroad) == [True, True]
    assert held_back(replace(tried, verdict=None), abroad) == [True, True]


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
