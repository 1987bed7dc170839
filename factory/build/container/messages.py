"""Word from inside a container: lines of progress, known by a mark, and the error that ended a step."""

from __future__ import annotations

import json
from collections.abc import Iterator

from factory.errors import FactoryError

MARK = "[factory] "


def to_json(error: FactoryError) -> str:
    """Return what ``from_json`` reads."""
    return json.dumps({"status": error.status, "what": error.what, "why": error.why, "remedy": error.remedy})


def from_json(text: str) -> FactoryError:
    """Return the error again, of the class that has its exit status.

    Raises ValueError, KeyError or TypeError for what ``to_json`` did not write.
    """
    told = json.loads(text)
    kind = next((kind for kind in _kinds(FactoryError) if kind.status == told["status"]), FactoryError)
    return kind(told["what"], why=told["why"], remedy=told["remedy"])


def _kinds(kind: type[FactoryError]) -> Iterator[type[FactoryError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)
