"""Every file of the index that is made, by its path below the root."""

from __future__ import annotations

from collections.abc import Iterable

from factory.index import homepage, simple
from factory.index.published import Published, ordered, to_json

LIST = "wheels.json"
HOME = "index.html"


def files(published: Iterable[Published], template: str) -> dict[str, str]:
    """Return path and content of each, the same for the same wheels in whatever order."""
    wheels = ordered(published)
    return {LIST: to_json(wheels), HOME: homepage.page(wheels, template), **simple.pages(wheels)}
