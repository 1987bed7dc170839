"""The signs of known failures, as ``factory/data/diagnoses.toml`` holds them; its head explains them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Sign:
    """What a line looks like that tells a failure: ``text`` is in it, in any letter case, and ``pattern`` matches."""

    cause: str
    text: str
    pattern: re.Pattern[str] | None
    rank: int
    given: str
    first: bool


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A way to fail: what happened and what to type next, with gaps for what the log and the machine say.

    ``next_tight`` is for a machine on which not even one compile fits.
    """

    name: str
    title: str
    what: str
    next: str
    next_tight: str
    defaults: Mapping[str, str]
    unless: str
    signs: tuple[Sign, ...]


@dataclass(frozen=True, kw_only=True)
class Errors:
    """What any error looks like, what only does so, and what merely repeats that something failed.

    ``quoted`` are lines that a program shows, and does not say. An error holds one of ``texts``, in lower case.
    """

    texts: tuple[str, ...]

    patterns: re.Pattern[str]
    quoted: re.Pattern[str]
    harmless: re.Pattern[str]
    summaries: re.Pattern[str]

    def is_one(self, line: str) -> bool:
        """Whether ``line`` is an error."""
        low = line.lower()
        hinted = any(text in low for text in self.texts)
        return hinted and self.patterns.search(line) is not None and self.harmless.search(line) is None


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """What is said of a log without a known sign.

    ``without`` any error either, with success at its end (``whole``), or ``cut`` off in the middle of the work,
    which a last line that is ``unfinished`` shows.
    """

    title: str
    what: str
    without: str
    whole: str
    cut: str
    unfinished: re.Pattern[str]
    next: str


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All of it. ``hooks`` are what a line of a long log must hold to be looked at, in lower case.

    ``context`` maps a name to what may be found anywhere in a log; ``told`` reads the log's own cell.
    """

    hooks: tuple[bytes, ...]
    context: Mapping[str, re.Pattern[str]]
    errors: Errors
    told: Mapping[str, re.Pattern[str]]
    unknown: Unknown
    causes: tuple[Cause, ...]

    @property
    def signs(self) -> tuple[Sign, ...]:
        """Every sign of every cause, in the order of the file."""
        return tuple(sign for cause in self.causes for sign in cause.signs)

    def cause(self, name: str) -> Cause:
        """Return the cause called ``name``, one of those that the file has."""
        return next(cause for cause in self.causes if cause.name == name)


def read_rules(table: Mapping[str, Any]) -> Rules:
    """Return the rules of the parsed ``diagnoses.toml``. Raises KeyError, TypeError or re.error where it is wrong."""
    return Rules(
        hooks=tuple(hook.encode() for hook in table["hooks"]),
        context={name: _any(patterns) for name, patterns in table["context"].items()},
        errors=_errors(table["errors"]),
        told={name: re.compile(pattern) for name, pattern in table["told"].items()},
        unknown=Unknown(**table["unknown"] | {"unfinished": re.compile(table["unknown"]["unfinished"])}),
        causes=tuple(_cause(row) for row in table["cause"]),
    )


def _errors(table: Mapping[str, Any]) -> Errors:
    patterns = {name: _any(patterns) for name, patterns in table.items() if name != "texts"}
    return Errors(texts=tuple(table["texts"]), **patterns)


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    """Join patterns into one; those for any letter case say so for themselves alone."""
    return re.compile("|".join(_alone(pattern) for pattern in patterns))


def _alone(pattern: str) -> str:
    return f"(?i:{pattern.removeprefix('(?i)')})" if pattern.startswith("(?i)") else f"(?:{pattern})"


def _cause(row: Mapping[str, Any]) -> Cause:
    return Cause(
        name=row["name"],
        title=row["title"],
        what=row["what"],
        next=row["next"],
        next_tight=row.get("next_tight", row["next"]),
        defaults=row.get("defaults", {}),
        unless=row.get("unless", ""),
        signs=tuple(_sign(row["name"], sign) for sign in row["sign"]),
    )


def _sign(cause: str, row: Mapping[str, Any]) -> Sign:
    return Sign(
        cause=cause,
        text=row["text"],
        pattern=re.compile(row["pattern"], re.MULTILINE) if "pattern" in row else None,
        rank=row.get("rank", 1),
        given=row.get("given", ""),
        first=row.get("first", False),
    )
