"""Reads a log: which signs are in it and where, its first error, and what it says of its own cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from factory.diagnose.lines import Line, worth_a_look
from factory.diagnose.rules import Rules, Sign

_SHOWN = 300  # characters of a line


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A line of the log, from ``number`` 1 on; of a long one the part that tells."""

    number: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """A sign, where it was first seen, and what its named groups caught."""

    sign: Sign
    evidence: Evidence
    caught: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is in a log.

    ``error`` is its first error, or else the first line that repeats one; ``last`` its last line that is not
    empty. ``context`` are the names of what else was seen, ``told`` what the log says of its environment. ``finished``
    is a log that ends with success.
    """

    found: tuple[Found, ...]
    error: Evidence | None
    last: Evidence | None
    context: frozenset[str]
    told: Mapping[str, str]
    finished: bool


@dataclass(kw_only=True)
class _Notes:
    """What is known while reading."""

    rules: Rules
    open: list[Sign]
    found: list[Found] = field(default_factory=list)
    error: Evidence | None = None
    summary: Evidence | None = None
    last: Line | None = None
    failing: int = 0
    finishing: int = 0
    context: set[str] = field(default_factory=set)
    told: dict[str, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)


def read(log: Iterable[bytes], rules: Rules) -> Reading:
    """Return what is in the blocks of ``log``; they may be cut anywhere and hold anything."""
    notes = _Notes(rules=rules, open=list(rules.signs))
    for line in worth_a_look(log, rules.hooks, rules.foreign_hooks):
        shown = rules.prefix.sub("", line.text) or line.text
        if shown:
            _take(notes, line._replace(text=shown), rules.catalogue.english(shown))
    return Reading(
        found=tuple(one for one in notes.found if _applies(one.sign, notes.context)),
        error=notes.error or notes.summary,
        last=_evidence(notes.last, 0) if notes.last else None,
        context=frozenset(notes.context),
        told=notes.told,
        finished=notes.finishing > notes.failing,
    )


def _applies(sign: Sign, context: set[str]) -> bool:
    return (not sign.given or sign.given in context) and sign.unless not in context


def _take(notes: _Notes, line: Line, said: str) -> None:
    """Note what is in ``line``, of which ``said`` is the English."""
    notes.last, low = line, said.lower()
    for place, told in enumerate(notes.rules.told):
        if told.text in low and (match := told.pattern.search(said)):
            _believe(notes, place, {**match.groupdict(), **told.says})
    if notes.rules.errors.quoted.search(said):
        return
    seen = {name for name, pattern in notes.rules.context.items() if pattern.search(said)}
    notes.context |= seen
    if "finished" in seen:
        notes.finishing = line.number
    open_question = notes.error is None or notes.finishing
    is_first = open_question and _note_error(notes, line, said)
    for sign in [one for one in notes.open if one.text in low]:
        if is_first or not sign.first:
            _try(notes, sign, line, said)


def _believe(notes: _Notes, place: int, told: Mapping[str, str | None]) -> None:
    """Keep what was ``told``, where nothing that is believed before ``place`` told it."""
    for name, text in told.items():
        if text and place < notes.places.get(name, len(notes.rules.told)):
            notes.told[name], notes.places[name] = text, place


def _note_error(notes: _Notes, line: Line, said: str) -> bool:
    """Note where errors are, and the first of each kind; say whether ``line`` is the first that is no repetition."""
    errors = notes.rules.errors
    if not errors.is_one(said):
        return False
    notes.failing = line.number
    if errors.summaries.search(said):
        notes.summary = notes.summary or _evidence(line, 0)
        return False
    is_first, notes.error = notes.error is None, notes.error or _evidence(line, 0)
    return is_first


def _try(notes: _Notes, sign: Sign, line: Line, said: str) -> None:
    """Note ``sign`` if its pattern begins within ``line``."""
    if sign.pattern is None:
        start, caught = said.lower().find(sign.text), {}
    else:
        match = sign.pattern.search(f"{said}\n{line.ahead}")
        start = match.start() if match else -1
        caught = {name: text for name, text in match.groupdict().items() if text} if match else {}
    if 0 <= start <= len(said):
        notes.open.remove(sign)
        notes.failing = line.number
        notes.found.append(Found(sign=sign, evidence=_evidence(line, start), caught=caught))


def _evidence(line: Line, start: int) -> Evidence:
    """Show ``line`` from its beginning, or where it is long from a little before ``start``."""
    begin = max(0, start - _SHOWN // 4) if len(line.text) > _SHOWN else 0
    return Evidence(number=line.number, text=line.text[begin : begin + _SHOWN].strip())
