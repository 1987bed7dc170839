from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from factory.audit import page as audit
from factory.audit.report import SCHEMA, Finding, Report
from factory.build.page import Attempt, BuildResults, markdown
from factory.errors import FactoryError, KernelError
from factory.kernels.page import Tally
from factory.matrix import cells
from factory.matrix.load import load as load_matrix
from factory.output import failure
from factory.output.markdown import code
from tests.frozen import MATRIX
from tests.markdownpage import read

EVERY = cells.expand(load_matrix(MATRIX.read_text(encoding="utf-8")))
FACTS: dict[str, object] = {
    "extensions": [{"archs": ["sm_80", "sm_90"], "platform": "manylinux_2_28_x86_64", "units": 84}]
}
TALLY = Tally(name="a set", units=1, pooled=(), fetched=(), compiled=(), left=0, seconds=1)


def report(*findings: Finding, wheel: str = "w.whl", facts: dict[str, object] | None = None) -> Report:
    return Report(
        schema=SCHEMA,
        wheel=wheel,
        sha256="a" * 64,
        size=151_200_000,
        ok=not findings,
        findings=findings,
        facts=FACTS if facts is None else facts,
    )


BAD = report(Finding(check="floor", message="glibc 2.28 was asked for.", evidence=("GLIBC_2.34",)), wheel="b.whl")


def test_a_built_wheel_says_all_of_itself() -> None:
    page = read(
        markdown(BuildResults(attempts=(Attempt(cell=EVERY[0].cell, seconds=75, report=report()),), tallies=()))
    )
    assert page.headings == ["✅ Build: 1 of 1 wheel"]
    assert page.rows[1] == ["w.whl", "151.2 MB", "sm_80 sm_90", "2.28", "passed", "1m15s"]


def test_cells_that_fail_stand_beside_those_that_do_not_each_failure_once() -> None:
    error = KernelError("flash.cu did not compile", why=["error: x"], remedy="nox -s kernels -- cu124")
    attempts = (
        Attempt(cell=EVERY[0].cell, seconds=75, report=report()),
        *(Attempt(cell=row.cell, seconds=0, error=error) for row in EVERY[1:4]),
        Attempt(cell=EVERY[4].cell, seconds=9, report=BAD, error=FactoryError("1 finding")),
    )
    text = markdown(BuildResults(attempts=attempts, tallies=(TALLY,)))
    page = read(text)
    assert page.headings == ["❌ Build: 1 of 5 wheels", "Failed", "Kernels"]
    assert text.count("did not compile") == text.count("nox -s kernels -- cu124") == 1
    assert "Not built: " + ", ".join(code(row.cell.id) for row in EVERY[1:4]) in text
    assert page.items == ["error: x"]
    assert page.rows[2][-2:] == ["1 found", "9s"]


def test_an_audit_says_what_was_found_and_that_a_file_was_none() -> None:
    text = audit.markdown([report(), BAD], 3)
    page = read(text)
    assert page.headings == ["❌ Audit: 1 of 3 wheels passed", "Findings"]
    assert page.rows[2] == ["b.whl", "151.2 MB", "sm_80 sm_90", "2.28", "1 found"]
    assert page.items == ["b.whl: floor: glibc 2.28 was asked for. Found: GLIBC_2.34"]
    assert audit.markdown([], 1) == "## ❌ Audit: 0 of 1 wheel passed\n"


def test_a_wheel_of_which_little_could_be_read_has_a_row_all_the_same() -> None:
    assert audit.row(report(facts={}))[2:] == ("", "", "passed")
    other: dict[str, object] = {"extensions": [{"archs": [], "platform": "linux_x86_64"}]}
    assert audit.row(report(facts=other))[3] == "linux_x86_64"


@given(st.text(), st.lists(st.text()), st.text())
def test_a_failure_is_text_whatever_a_compiler_printed(what: str, why: list[str], remedy: str) -> None:
    page = read(failure.markdown("build", FactoryError(what, why=why, remedy=remedy)))
    assert page.html == []
    assert len(page.headings) == 1
    assert not page.rows


def test_a_long_failure_is_cut_and_its_remedy_is_not() -> None:
    text = failure.markdown("build", FactoryError("x", why=[f"line {number}" for number in range(50)], remedy="do y"))
    assert len(read(text).items) == 21
    assert "and 30 more, in the log" in text
    assert text.endswith("**What to do:** do y\n")
