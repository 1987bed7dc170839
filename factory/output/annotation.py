"""What GitHub shows beside a job, and on its line of a file: workflow commands that a step prints.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands; how they are read, what of
them is shown and how much of each, ActionCommand.cs and ExecutionContext.cs of https://github.com/actions/runner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from factory.errors import FactoryError
from factory.output.progress import counted

VARIABLE = "GITHUB_ACTIONS"
SHOWN = 10  # of each level in one step
_LONGEST_TITLE, _LONGEST = 255, 4096  # characters; the first is the limit of GitHub's API for checks
_EVIDENCE = 20  # lines; the log has all
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


class Level(StrEnum):
    """How GitHub marks it."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """One remark; ``file``, from the root of the repository, and ``line`` (from 1) are where, if it is anywhere."""

    level: Level
    title: str
    message: str
    file: str = ""
    line: int = 0

    @property
    def command(self) -> str:
        """The line that says it to the runner; whatever the texts hold, it is one line and one command."""
        told = {"file": self.file, "line": str(self.line or ""), "title": _cut(self.title, _LONGEST_TITLE)}
        properties = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in told.items() if value)
        return f"::{self.level} {properties}::{_cut(self.message, _LONGEST).translate(_DATA)}"


def of_failure(verb: str, error: FactoryError) -> Iterator[Annotation]:
    """Yield what ended ``verb``: a remark for each fault, else one with the evidence; each with its remedy."""
    for fault in error.faults:
        message = _lines(fault.said, fault.remedy or error.remedy)
        yield Annotation(level=Level.ERROR, title=error.what, message=message, file=fault.file, line=fault.line)
    if not error.faults:
        left = len(error.why) - _EVIDENCE
        more = f"and {left} more, in the log" if left > 0 else ""
        message = _lines(*error.why[:_EVIDENCE], more, error.remedy) or error.what
        yield Annotation(level=Level.ERROR, title=f"{verb}: {error.what}", message=message)


def commands(annotations: Iterable[Annotation]) -> Iterator[str]:
    """Yield the line of each, of what GitHub shows; where that is not all, the last of a level says how many more."""
    by_level: dict[Level, list[Annotation]] = {}
    for one in annotations:
        by_level.setdefault(one.level, []).append(one)
    for level, found in by_level.items():
        for one in found if len(found) <= SHOWN else [*found[: SHOWN - 1], _rest(level, found[SHOWN - 1 :])]:
            yield one.command


def annotate(annotations: Iterable[Annotation], env: Mapping[str, str], write: Callable[[str], object]) -> None:
    """Have ``write`` print what ``commands`` yields, in a job of GitHub's alone."""
    if env.get(VARIABLE) == "true":
        for line in commands(annotations):
            write(line)


def _rest(level: Level, left: Sequence[Annotation]) -> Annotation:
    said = f"GitHub shows {SHOWN} of a step; the step's log and the job's page have more of them."
    return Annotation(level=level, title=f"and {counted(len(left), level)} more", message=said)


def _lines(*lines: str) -> str:
    return "\n".join(filter(None, lines))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
