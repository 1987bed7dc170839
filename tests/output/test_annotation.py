"""What is printed for GitHub's runner, read back as ActionCommand.cs of https://github.com/actions/runner reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import AuditError, FactoryError, Fault, MatrixError
from factory.output.annotation import Annotation, Level, annotate, commands, of_failure

JOB = {"GITHUB_ACTIONS": "true"}
HOSTILE = "a\n::set-env name=X::y\r\n##[add-path]/tmp\n100%0A,file=/etc/passwd::stop"


def understood(printed: str) -> list[tuple[str, dict[str, str], str]]:
    """Give name, properties and data of every command in what was printed."""
    found = []
    for line in printed.replace("\r", "\n").split("\n"):
        text = line.lstrip()
        assert text.startswith("::"), f"no command: {line!r}"
        head, separator, data = text[2:].partition("::")
        assert separator, f"no command: {line!r}"
        name, _, told = head.partition(" ")
        properties = dict(one.split("=", 1) for one in told.strip().split(",") if "=" in one)
        found.append((name, {key: unescaped(value, ":,") for key, value in properties.items()}, unescaped(data, "")))
    return found


def unescaped(text: str, more: str) -> str:
    for sign in f"\r\n{more}%":
        text = text.replace(f"%{ord(sign):02X}", sign)
    return text


@given(title=st.text(max_size=254).map("{}.".format), message=st.text(max_size=4096), file=st.text(min_size=1))
def test_whatever_is_told_is_one_command_that_says_it(title: str, message: str, file: str) -> None:
    one = Annotation(level=Level.ERROR, title=title, message=message, file=file, line=3)
    assert understood(one.command) == [("error", {"file": file, "line": "3", "title": title}, message)]


def test_what_would_be_other_commands_stays_text() -> None:
    (line,) = commands(of_failure("audit", AuditError("what", faults=[Fault(said=HOSTILE, file=HOSTILE, line=1)])))
    assert "\n" not in line
    assert "\r" not in line
    ((name, properties, data),) = understood(line)
    assert (name, properties["file"], data) == ("error", HOSTILE, HOSTILE)
    assert properties.keys() == {"file", "line", "title"}


def test_what_is_nowhere_names_no_file_and_what_is_too_long_is_cut() -> None:
    ((_, properties, data),) = understood(Annotation(level=Level.NOTICE, title="t" * 300, message="m" * 5000).command)
    assert properties == {"title": "t" * 254 + "…"}
    assert data == "m" * 4095 + "…"


def test_each_fault_is_a_remark_with_its_own_remedy_or_that_of_all() -> None:
    faults = [Fault(said="one", file="matrix.yaml", line=12), Fault(said="two", remedy="Do that.")]
    assert list(of_failure("plan", MatrixError("matrix.yaml has 2 mistakes", faults=faults, remedy="Do this."))) == [
        Annotation(
            level=Level.ERROR,
            title="matrix.yaml has 2 mistakes",
            message="one\nDo this.",
            file="matrix.yaml",
            line=12,
        ),
        Annotation(level=Level.ERROR, title="matrix.yaml has 2 mistakes", message="two\nDo that."),
    ]


def test_a_failure_without_faults_is_one_remark_with_its_evidence() -> None:
    why = [f"line {number}" for number in range(23)]
    (one,) = of_failure("build", FactoryError("it broke", why=why, remedy="Mend it."))
    assert one.title == "build: it broke"
    assert one.message.split("\n") == [*why[:20], "and 3 more, in the log", "Mend it."]
    (bare,) = of_failure("build", FactoryError("it broke"))
    assert bare.message == "it broke"


@pytest.mark.parametrize(("count", "shown"), [(10, 10), (11, 9), (40, 9)])
def test_of_more_than_github_shows_the_last_says_so(count: int, shown: int) -> None:
    faults = [Fault(said=str(number)) for number in range(count)]
    other = Annotation(level=Level.WARNING, title="w", message="w")
    found = [understood(line)[0] for line in commands([*of_failure("v", FactoryError("what", faults=faults)), other])]
    errors = [(properties["title"], data) for name, properties, data in found if name == "error"]
    assert [data for _, data in errors][:shown] == [str(number) for number in range(shown)]
    assert len(errors) == 10
    assert (errors[-1][0] == f"and {count - 9} errors more") is (count > 10)
    assert [name for name, _, _ in found].count("warning") == 1


@pytest.mark.parametrize("env", [{}, {"GITHUB_ACTIONS": ""}, {"GITHUB_ACTIONS": "false"}])
def test_outside_a_job_nothing_is_printed(env: dict[str, str]) -> None:
    told: list[str] = []
    one = Annotation(level=Level.ERROR, title="t", message="m")
    annotate([one], env, told.append)
    assert told == []
    annotate([one], JOB, told.append)
    assert told == ["::error title=t::m"]
