"""What one group of a trial printed: a JSON object a line; anything else on its output is not meant for us."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from factory.gpu_test.verdict import Case, Machine, Timing
from factory.output.progress import counted

_KINDS: dict[str, TypeAdapter[Any]] = {
    "machine": TypeAdapter(Machine),
    "case": TypeAdapter(Case),
    "timing": TypeAdapter(Timing),
    "end": TypeAdapter(dict[str, int]),
}


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """A group's cases and timings; ``trouble`` says why it cannot be believed, empty if it can."""

    machine: Machine | None
    cases: tuple[Case, ...]
    timings: tuple[Timing, ...]
    trouble: str


def read(group: str, lines: Sequence[str], *, status: int, overran: float | None) -> Transcript:
    """Return what ``group`` printed before it ended with ``status``, negative for a signal.

    ``overran`` is the limit in seconds at which it was ended, None where it ended by itself. Nothing is raised: lines
    that cannot be read are ``trouble``.
    """
    entries = list(_entries(lines))
    taken = {kind: [value for of, value in entries if of == kind] for kind in (*_KINDS, "trouble")}
    foreign = [f"a case of {case.group}" for case in taken["case"] if case.group != group]
    trouble = [*_ending(status, overran), *taken["trouble"], *foreign]
    if not trouble:
        trouble = list(_count([kind for kind, _ in entries], taken))
    return Transcript(
        machine=next(iter(taken["machine"]), None),
        cases=tuple(case for case in taken["case"] if case.group == group),
        timings=tuple(taken["timing"]),
        trouble="; ".join(trouble),
    )


def _entries(lines: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the kind and the value of each line that is ours; one that cannot be read is trouble."""
    for number, line in enumerate(lines, 1):
        if not line.startswith("{"):
            continue
        try:
            entry = json.loads(line)
            kind = entry.pop("kind")
            yield kind, _KINDS[kind].validate_python(entry, extra="ignore")
        except (ValidationError, ValueError, KeyError, TypeError, RecursionError):
            yield "trouble", f"line {number} of its output cannot be read: {line[:200]}"


def _ending(status: int, overran: float | None) -> Iterator[str]:
    if overran is not None:
        yield f"no end within {overran:g} seconds"
    elif status < 0:
        yield f"ended by signal {-status} ({_signal(-status)})"
    elif status > 0:
        yield f"ended with status {status}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _count(kinds: Sequence[str], taken: dict[str, list[Any]]) -> Iterator[str]:
    """Hold the end to what came before it: one end, the last line, with the number of cases."""
    if kinds.count("end") != 1 or kinds[-1] != "end":
        yield "it stopped before its end"
    elif taken["end"][0].get("cases") != len(taken["case"]):
        yield f"{counted(len(taken['case']), 'case')} came, it says {taken['end'][0].get('cases')}"
