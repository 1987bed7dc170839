"""One new thing, the lines proposed for it, and the issue that says so."""

from __future__ import annotations

import re
from dataclasses import dataclass

CHECK = "CHECK"
"""Stands where a value must be looked up; no key of ``matrix.yaml`` takes it."""

_MARK = re.compile(r"<!-- flash-attn-wheel-factory update: ([^<>\r\n]+?) -->")


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Lines for a file; ``place`` says where they go, and ``text`` is indented as they stand there."""

    place: str
    text: str
    language: str = "yaml"


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A new ``version`` (without blanks) of ``subject``.

    ``found`` says what was seen and where, ``checks`` what could not be. Of a proposal that is ``alone`` no second
    issue is opened while one about another version of its subject is open.
    """

    subject: str
    version: str
    title: str
    found: tuple[str, ...]
    lines: tuple[Lines, ...]
    checks: tuple[str, ...]
    alone: bool = False

    @property
    def key(self) -> str:
        """What tells this thing from all others, for ever: ``flash-attn 2.8.4``, subject and version."""
        return f"{self.subject} {self.version}"

    @property
    def body(self) -> str:
        """Return the issue's text, in Markdown; ``keys_in`` finds the key in it."""
        parts = [_section("Seen", self.found)]
        parts += [f"### {lines.place}\n\n```{lines.language}\n{lines.text.rstrip()}\n```\n" for lines in self.lines]
        parts.append(_section("To be checked by hand", self.checks))
        parts.append("What this will build, before it is merged: `nox -s plan`\n")
        return "\n".join([*(part for part in parts if part), mark(self.key)])


def mark(key: str) -> str:
    """Return the comment, which GitHub does not show, that says which thing an issue is about."""
    return f"<!-- flash-attn-wheel-factory update: {key} -->\n"


def keys_in(text: str) -> tuple[str, ...]:
    """Return the keys of the things that an issue's text says it is about."""
    return tuple(_MARK.findall(text))


def _section(heading: str, items: tuple[str, ...]) -> str:
    lines = "".join(f"- {item}\n" for item in items)
    return f"### {heading}\n\n{lines}" if items else ""
