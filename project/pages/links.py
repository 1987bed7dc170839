"""Whether what the finished pages link to among each other is there."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Read(HTMLParser):
    """What one page links to, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what ``attrs`` say of links and places."""
        for name, value in attrs:
            if value and name in {"href", "src"} and tag != "base":
                self.links.append(value)
            elif value and name == "id":
                self.places.add(value)


def broken(site: Path) -> Iterator[str]:
    """Yield a line for each link of the pages in the directory ``site`` that leads to nothing in it."""
    pages = {path.resolve(): _Read(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for page, read in pages.items():
        for link in read.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if target.is_dir():
                target /= "index.html"
            place = unquote(parts.fragment)
            there = target.is_file() and (not place or target not in pages or place in pages[target].places)
            if not there:
                yield f"{page.relative_to(site.resolve())} links to {link}"
