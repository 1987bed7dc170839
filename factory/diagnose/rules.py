"""The signs of known failures, as ``factory/data/diagnoses.toml`` holds them; its head explains them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from factory.diagnose.english import Catalogue, read_catalogue


@dataclass(frozen=True, kw_only=True)
class Sign:
    """What a line looks like that tells a failure: ``text`` is in it, in any letter case, and ``pattern`` matches."""

    cause: str
    text: str
    pattern: re.Pattern[str] | None
    rank: int
    given: str
    unless: str
    first: bool


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A way to fail: what happened and what to type next, with gaps for what the log and the machine say.

    ``next`` is what this factory does about it, empty where no build helps; ``next_tight`` the same for a machine on
    which not even one compile fits. ``by_hand`` is what helps without the factory, on Windows ``windows``.
    """

    name: str
    title: str
    what: str
    next: str
    next_tight: str
    by_hand: str
    windows: str
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
class Told:
    """What a line looks like that tells of the environment: ``text`` is in it, in any letter case, and the named
    groups of ``pattern`` say it, or ``says`` does whenever it matches.
    """

    text: str
    pattern: re.Pattern[str]
    says: Mapping[str, str]


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
    by_hand: str


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All of it. ``hooks`` are what a line of a long log must hold to be looked at, in lower case.

    ``foreign_hooks`` are hooks that are not ASCII. ``prefix`` is what other programs put before a line.
    ``context`` maps a name to what may be found anywhere in a log; ``told`` reads the environment, what stands first
    is believed first. ``tools`` are the texts for each installer, the name of a context, and for any other ("");
    ``platforms`` what is said of those that no wheel is built for.
    """

    hooks: tuple[bytes, ...]
    foreign_hooks: tuple[bytes, ...]
    prefix: re.Pattern[str]
    catalogue: Catalogue
    context: Mapping[str, re.Pattern[str]]
    errors: Errors
    told: tuple[Told, ...]
    tools: Mapping[str, Mapping[str, str]]
    platforms: Mapping[str, str]
    unknown: Unknown
    causes: tuple[Cause, ...]

    @property
    def signs(self) -> tuple[Sign, ...]:
        """Every sign of every cause, in the order of the file."""
        return tuple(sign for cause in self.causes for sign in cause.signs)

    def cause(self, name: str) -> Cause:
        """Return the cause called ``name``, one of those that the file has."""
        return next(cause for cause in self.causes if cause.name == name)


def read_rules(table: Mapping[str, Any], catalogues: Mapping[str, Any]) -> Rules:
    """Return the rules of the parsed ``diagnoses.toml`` and ``catalogues.toml``.

    Raises KeyError, TypeError or re.error where they are wrong.
    """
    return Rules(
        hooks=tuple(hook.encode() for hook in table["hooks"]),
        foreign_hooks=tuple(hook.encode() for hook in table["foreign_hooks"]),
        prefix=re.compile(rf"^(?:{_any(table['prefixes']).pattern})+\s*"),
        catalogue=read_catalogue(catalogues),
        context={name: _any(patterns) for name, patterns in table["context"].items()},
        errors=_errors(table["errors"]),
        told=tuple(
            Told(text=row["text"], pattern=re.compile(row["pattern"]), says=row.get("says", {}))
            for row in table["told"]
        ),
        tools=table["tools"],
        platforms=table["platforms"],
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
        next=row.get("next", ""),
        next_tight=row.get("next_tight", row.get("next", "")),
        by_hand=row["by_hand"],
        windows=row.get("windows", row["by_hand"]),
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
        unless=row.get("unless", ""),
        first=row.get("first", False),
    )
