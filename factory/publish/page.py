"""What was published: release by release, which files are new and where they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from factory.output.markdown import Markup, joined, link, page, table
from factory.output.progress import short
from factory.publish.parts import File, Sent

_COLUMNS = ("file", "size", "", "sha256")


def markdown(sent: Sequence[Sent], repository: str) -> str:
    """Return the page of a job; ``repository`` is the address of its front page."""
    new = sum(len(one.new) for one in sent)
    there = sum(len(one.there) for one in sent)
    return page(
        f"✅ Published: files that are new: {new}, that were there already: {there}",
        *(_release(one, repository) for one in sent),
    )


def _release(sent: Sent, repository: str) -> Markup:
    address = f"{repository}/releases/tag/{quote(sent.tag)}"
    return joined(
        Markup(f"### {link(f'Release {sent.tag}', address)}"),
        table(
            _COLUMNS, [*_rows(sent, sent.new, "new", repository), *_rows(sent, sent.there, "already there", repository)]
        ),
    )


def _rows(sent: Sent, files: Sequence[File], said: str, repository: str) -> Iterator[tuple[str, ...]]:
    for file in files:
        address = f"{repository}/releases/download/{quote(sent.tag)}/{quote(file.name)}"
        yield link(file.name, address), short(file.size), said, file.sha256
