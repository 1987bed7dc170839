"""What people were really shown: the right cause, the right remedy, and never a build of more than one cell."""

from typing import Any

import pytest

from factory.diagnose.cell import settled
from factory.matrix.advice import Facts
from factory.matrix.cells import expand
from factory.matrix.load import load
from factory.matrix.model import State
from factory.versions import cuda_major
from tests.diagnose import test_remedies
from tests.diagnose.corpus import EXCERPTS, LANGUAGES, LOGS, REPORTS, count, of_report, right, told
from tests.frozen import MATRIX


@pytest.mark.parametrize("report", REPORTS, ids=lambda row: row["log"])
def test_a_report(report: dict[str, Any]) -> None:
    found = of_report(report)
    assert found.cause == report["cause"]
    assert right(report), found.text


def test_every_log_is_a_report_and_every_remedy_that_ran_has_its_test() -> None:
    assert {path.name for path in (LOGS / "reported").glob("*.log")} == {row["log"] for row in REPORTS}
    assert all(hasattr(test_remedies, row["ran"]) for row in REPORTS if "ran" in row)


@pytest.mark.parametrize("row", LANGUAGES, ids=lambda row: f"{row['language']} {row['cause']}")
def test_what_a_compiler_and_a_shell_say_in_other_languages(row: dict[str, str]) -> None:
    assert told(row["text"].encode()).cause == row["cause"]


def test_no_remedy_builds_more_or_less_than_one_cell() -> None:
    texts = [of_report(row) for row in REPORTS] + [told(row["text"].encode()) for row in EXCERPTS]
    named = {words for found in texts for words in found.cells if "CELL" not in words}
    assert named
    assert {words: count(words) for words in named if count(words) != 1} == {}


def test_whatever_the_matrix_builds_is_named_by_what_its_log_proves() -> None:
    matrix = load(MATRIX.read_text(encoding="utf-8"))
    builds = {(row.cell.torch, row.cell.cuda): row.cell for row in expand(matrix) if row.state is State.BUILD}
    for cell in builds.values():
        for cuda in (cell.cuda, str(cuda_major(cell.cuda))):
            facts = Facts(torch=cell.torch, cuda=cuda, python=cell.python, cxx11abi=cell.cxx11abi, flash_attn="2.8.3")
            found = settled(facts, matrix)
            assert not found.why_not
            assert found.cell is None or count(found.cell) == 1
            assert cuda == str(cuda_major(cell.cuda)) or found.cell


@pytest.mark.parametrize(
    "facts",
    [
        Facts(python="3.12"),
        Facts(torch="2.10"),
        Facts(torch="2.8", python="3.10"),
        Facts(torch="2.10", python="3.12", cuda="12"),
    ],
)
def test_what_a_log_does_not_say_is_asked_for(facts: Facts) -> None:
    found = settled(facts, load(MATRIX.read_text(encoding="utf-8")))
    assert found.cell is None
    assert "CELL stands for the cell" in found.words


@pytest.mark.parametrize(
    "facts",
    [Facts(torch="2.7", cuda="11.8", python="3.10"), Facts(python="3.8"), Facts(torch="2.8", cuda="13.0")],
)
def test_what_is_not_built_is_said(facts: Facts) -> None:
    found = settled(facts, load(MATRIX.read_text(encoding="utf-8")))
    assert found.cell is None
    assert found.why_not.startswith("This factory makes no wheel for it: ")


def test_the_torch_of_the_package_index_is_one_build() -> None:
    found = settled(Facts(torch="2.10", python="3.12", usual=True), load(MATRIX.read_text(encoding="utf-8")))
    assert found.cell == "cu128 torch2.10 cp312"
