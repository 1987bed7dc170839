"""What is said of a machine: a line for each thing looked at, in sections, each for one way to build."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from factory.output.progress import counted

SCHEMA = 1


class State(StrEnum):
    """Whether a thing is as it should be, could do harm, or stands in the way."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Purpose(StrEnum):
    """Who builds: the factory, or a person by hand as the installation guide has it; or GitHub, as its settings are."""

    FACTORY = "for the factory"
    HAND = "for building by hand as the guide does"
    GITHUB = "on GitHub"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing, what was found, and what to type where that is not well."""

    subject: str
    state: State
    said: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """The lines for one purpose, ``against`` a cell or an environment."""

    purpose: Purpose
    against: str
    lines: tuple[Line, ...]

    @property
    def problems(self) -> tuple[Line, ...]:
        """What stands in the way."""
        return tuple(line for line in self.lines if line.state is State.PROBLEM)

    @property
    def verdict(self) -> str:
        """What follows, in one line."""
        warnings = sum(line.state is State.WARNING for line in self.lines)
        noted = f", {counted(warnings, 'warning')}" if warnings else ""
        if not self.problems:
            return f"nothing stands in the way{noted}"
        return f"{counted(len(self.problems), 'problem')}{noted}"


def ok(subject: str, said: str) -> Line:
    """Return a line on what is well."""
    return _line(subject, State.OK, said)


def warning(subject: str, said: str, remedy: str) -> Line:
    """Return a line on what could do harm."""
    return _line(subject, State.WARNING, said, remedy)


def problem(subject: str, said: str, remedy: str) -> Line:
    """Return a line on what stands in the way."""
    return _line(subject, State.PROBLEM, said, remedy)


def _line(subject: str, state: State, said: str, remedy: str = "") -> Line:
    """Make a line of what programs and paths may have put anything into: it stays one, and moves no cursor."""
    return Line(subject=subject, state=state, said=_printable(said), remedy=_printable(remedy))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def standing(sections: tuple[Section, ...]) -> Iterator[Line]:
    """Yield what stands in the way of what was asked."""
    for section in sections:
        yield from section.problems


@dataclass(frozen=True, kw_only=True)
class ToldSection:
    """A section for programs; ``purpose`` is ``factory``, ``hand`` or ``github``."""

    purpose: str
    against: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was found of a machine, for programs: ``ok`` where nothing stands in the way of what was asked."""

    schema: int = SCHEMA
    ok: bool
    sections: tuple[ToldSection, ...]


def to_json(sections: tuple[Section, ...]) -> str:
    """Return the sections for programs; ``factory/data/doctor.schema.json`` describes its JSON."""
    told = tuple(
        ToldSection(purpose=section.purpose.name.lower(), against=section.against, lines=section.lines)
        for section in sections
    )
    return json.dumps(asdict(Told(ok=not any(standing(sections)), sections=told)), indent=2)
