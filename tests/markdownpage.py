"""Reads a page as a Markdown parser does."""

from __future__ import annotations

from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

_ALLOWED = {"<code>", "</code>"}


@dataclass
class Page:
    """The texts of its headings, table rows and list items; ``html`` is what of it is raw HTML."""

    headings: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)


def read(text: str) -> Page:
    page = Page()
    within: list[str] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        page.kinds.add(token.type)
        if token.type == "tr_open":
            page.rows.append([])
        if token.type == "html_block":
            page.html.append(token.content.strip())
        if token.nesting == 1:
            within.append(token.type)
        elif token.nesting == -1:
            within.pop()
        elif token.type == "inline":
            _inline(page, within, token)
    return page


def _inline(page: Page, within: list[str], token: Token) -> None:
    children = token.children or []
    page.html += [child.content for child in children if child.type == "html_inline" and child.content not in _ALLOWED]
    page.links += [str(child.attrs["href"]) for child in children if child.type == "link_open"]
    page.kinds |= {child.type for child in children}
    text = "".join(child.content for child in children if child.type in {"text", "text_special"})
    if within[-1] in {"td_open", "th_open"}:
        page.rows[-1].append(text)
    elif within[-1] == "heading_open":
        page.headings.append(text)
    elif "list_item_open" in within:
        page.items.append(text)
