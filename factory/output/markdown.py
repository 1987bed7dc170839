"""Parts of a page in GitHub's Markdown.

What comes from outside stays text: a plain ``str`` is escaped wherever it is put, only ``Markup`` is taken as it is.
Source: https://github.github.com/gfm/ (backslash escapes, tables extension).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

_LONGEST = 400  # characters of one text; logs and reports have all of it
_ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in "\\|`*_[]#~$"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_LIST_SIGN = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+]))")
_URL_SIGNS = ":/?#@!$&'+,;=%~"
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class Markup(str):
    """Text that is Markdown already."""

    __slots__ = ()


def plain(text: str) -> Markup:
    """Return ``text`` on one line, so that it reads as it is and is no markup; one over 400 characters is cut."""
    if isinstance(text, Markup):
        return text
    line = "".join(sign if sign.isprintable() else _UNREADABLE for sign in " ".join(text.split()))
    shown = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    return Markup(_LIST_SIGN.sub(r"\1\\", shown.translate(_ESCAPES)))


def code(text: str) -> Markup:
    """Return ``text`` in the type of commands and file names."""
    return Markup(f"<code>{plain(text)}</code>")


def link(text: str, url: str) -> Markup:
    """Return ``text`` as a link to ``url``."""
    return Markup(f"[{plain(text)}](<{quote(url, safe=_URL_SIGNS, errors='replace')}>)")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Return a table; each of ``rows`` has a cell for each of ``head``."""
    lines = [head, [Markup("---")] * len(head), *rows]
    return Markup("\n".join(f"| {' | '.join(map(plain, line))} |" for line in lines))


def bullets(lines: Iterable[str]) -> Markup:
    """Return a list with an item for each of ``lines``."""
    return Markup("\n".join(f"- {plain(line)}" for line in lines))


def note(text: str) -> Markup:
    """Return a remark that stands out."""
    return Markup(f"> {plain(text)}")


def folded(title: str, body: Markup) -> Markup:
    """Return ``body`` behind its title, shown when that is clicked; nothing where there is nothing to show."""
    return Markup(f"<details><summary>{plain(title)}</summary>\n\n{body}\n\n</details>" if body else "")


def section(title: str, *parts: Markup) -> Markup:
    """Return ``parts`` under a small heading; nothing where all are empty."""
    return joined(Markup(f"### {plain(title)}"), *parts) if any(parts) else Markup("")


def page(title: str, *parts: Markup) -> Markup:
    """Return ``parts`` under a heading, ending in a newline."""
    return Markup(f"{joined(Markup(f'## {plain(title)}'), *parts)}\n")


def joined(*parts: Markup) -> Markup:
    """Return ``parts``, the empty ones apart, with an empty line between."""
    return Markup("\n\n".join(part for part in parts if part))
