"""What the command line puts onto the page of a GitHub job, with a matrix of small sdists."""

from pathlib import Path

import pytest

from factory.__main__ import main
from factory.cli import failure
from factory.errors import KernelError
from factory.matrix.load import load as load_matrix
from tests.markdownpage import Page, read
from tests.smallsdist import matrix_with_small_sdists


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "matrix.yaml").write_text(matrix_with_small_sdists(tmp_path / "cache"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    return tmp_path


def page(here: Path) -> Page:
    return read((here / "page.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_plan_is_on_the_page(here: Path, more: list[str]) -> None:
    assert main(["plan", "cu124 torch2.6", *more]) == 0
    found = page(here)
    assert found.headings[0] == "Plan: 5 wheels to build"
    assert found.rows[1][4] == "3.9 3.10 3.11 3.12 3.13"
    assert found.rows[3][:3] == ["fa2.7.4.post1 cu124 8.0 9.0 full", "5", "3"]


def test_what_ended_a_verb_is_on_the_page_with_its_remedy(here: Path) -> None:
    assert main(["plan", "cu999"]) == 11
    assert page(here).headings == ["❌ plan: unknown: cu999"]
    assert "**What to do:** Name any of these" in (here / "page.md").read_text(encoding="utf-8")


def test_an_audit_that_fails_is_there_with_its_failure(here: Path) -> None:
    assert main(["audit", "no.whl"]) == 40
    assert page(here).headings == [
        "❌ Audit: 0 of 1 wheel passed",
        "❌ audit: the audit of 1 wheel has 1 finding",
    ]


def test_a_page_that_cannot_be_written_does_not_fail_the_work(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here))
    assert main(["plan", "cu124 torch2.6 cp310"]) == 0
    assert "the job's summary cannot be written" in capsys.readouterr().err


def test_a_plan_against_itself_changes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--against", "matrix.yaml"]) == 0
    assert capsys.readouterr().out == "nothing changes: the same cells, the same facts\n"
    assert page(here).headings == ["Plan against matrix.yaml"]


def test_a_plan_against_another_file_says_what_changes_of_the_cells_that_are_meant(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (here / "matrix.yaml").read_text(encoding="utf-8")
    (here / "main.yaml").write_text(text.replace("archs: default", "archs: [8.6]", 1), encoding="utf-8")
    assert main(["plan", "cu124 torch2.6", "--against", "main.yaml"]) == 0
    headline, *lines = capsys.readouterr().out.splitlines()
    assert headline.startswith("0 cells are new, 0 are gone, 10 are planned in another way; 5 wheels to build before")
    assert lines[0].partition(": build, ")[2] == "architectures 8.6 → 8.0 9.0"
    assert page(here).rows[1][0] == "5"


@pytest.mark.parametrize("old", ["", "nothing: known\n", "a: [", "\x00"])
def test_an_older_file_of_another_kind_is_named_and_is_no_failure(
    here: Path, capsys: pytest.CaptureFixture[str], old: str
) -> None:
    (here / "old.yaml").write_text(old, encoding="utf-8")
    assert main(["plan", "--against", "old.yaml"]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("cannot be compared: old.yaml has ")
    assert last.startswith("planned now: ")
    assert page(here).headings == ["Plan against old.yaml: cannot be compared"]


def test_an_older_file_without_the_profile_cannot_be_compared(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (here / "matrix.yaml").read_text(encoding="utf-8").replace("  smoke:\n", "  tiny:\n")
    (here / "old.yaml").write_text(text, encoding="utf-8")
    assert "smoke" not in load_matrix(text).profiles
    assert main(["plan", "--against", "old.yaml", "--profile", "smoke"]) == 0
    assert capsys.readouterr().out.startswith("cannot be compared: there is no profile 'smoke'")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--against", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["--against", "."], ". cannot be read"),
        (["--against", "matrix.yaml", "--json"], "--against does not go with"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_cannot_be_meant_is_an_error(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *words]) == 2
    assert told in capsys.readouterr().err


def spoilt(here: Path) -> list[int]:
    """Spoil two values of the matrix; give their lines."""
    text = (here / "matrix.yaml").read_text(encoding="utf-8")
    lines = text.replace("max_jobs: ", "max_jobs: x", 1).replace("oldest_arch: ", "oldest_arch: x", 1).split("\n")
    (here / "matrix.yaml").write_text("\n".join(lines), encoding="utf-8")
    return [number for number, line in enumerate(lines, 1) if line.startswith(("max_jobs: x", "oldest_arch: x"))]


def test_a_mistake_in_the_matrix_is_shown_on_its_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = spoilt(here)
    assert main(["plan"]) == 10
    plain = capsys.readouterr()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["plan"]) == 10
    told = capsys.readouterr()
    assert told.out == plain.out
    assert told.err.startswith(plain.err)
    assert "::" not in plain.err
    shown = told.err.removeprefix(plain.err).splitlines()
    assert [line.partition(",title")[0] for line in shown] == [
        f"::error file=matrix.yaml,line={number}" for number in sorted(lines)
    ]
    assert all(line.endswith("%0ACorrect matrix.yaml, then see what follows with: nox -s plan") for line in shown)


def test_what_ends_a_verb_and_each_finding_of_an_audit_are_shown_in_a_job(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["plan", "cu999"]) == 11
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("::"))
    assert line.startswith("::error title=plan%3A unknown%3A cu999::")
    (here / "a.whl").mkdir()
    assert main(["audit", "no.whl", "none.whl"]) == 40
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("::")]
    assert [line.partition("::no")[0] for line in told] == ["::error title=the audit of 2 wheels has 2 findings"] * 2


def test_a_cell_that_is_not_built_is_shown_while_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = KernelError("a.cu did not compile", why=["a.cu(1): error: no"], remedy="Read the log.")
    failure.tell("build", error)
    plain = capsys.readouterr().err
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    failure.tell("build", error)
    shown = "::error title=build%3A a.cu did not compile::a.cu(1): error: no%0ARead the log.\n"
    assert capsys.readouterr().err == plain + shown
