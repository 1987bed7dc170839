"""Reads JSON that the factory wrote and that anything may have happened to since.

Only the standard library is used here: the worker must start quickly.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, NoReturn, TypeVar, get_type_hints

Made = TypeVar("Made")

_MOST = 10**15  # of bytes, of seconds: above anything real, and still exact as a float


def parse(text: str | bytes) -> object:
    """Return what ``text`` holds. Raises ValueError for what is no JSON, as NaN is, or nested too deeply."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def table(text: str | bytes) -> dict[str, object]:
    """Return the JSON object that ``text`` holds. Raises ValueError for anything else."""
    told = parse(text)
    if not isinstance(told, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - one error for all that data can be
    return told


def typed(kind: type[Made], told: object) -> Made:
    """Return the dataclass ``kind`` of what was JSON, whose fields are printable texts, numbers and tuples of texts.

    Raises ValueError where a field is missing, is of another type, is no number that counts or measures something,
    or is not of ``kind``.
    """
    if not isinstance(told, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - one error for all that data can be
    if wrong := told.keys() ^ {field.name for field in fields(kind)}:  # type: ignore[arg-type]  # any dataclass
        raise ValueError(f"{', '.join(sorted(wrong))}: missing, or not known")
    hints = get_type_hints(kind)
    return kind(**{name: _taken(name, value, hints[name]) for name, value in told.items()})


def _taken(name: str, value: Any, hint: object) -> object:  # noqa: ANN401 - what JSON holds is not known before
    if hint is str and _is_text(value):
        return value
    if hint in {int, float} and type(value) in {int, hint} and 0 <= value <= _MOST:
        return value
    if hint == tuple[str, ...] and isinstance(value, list) and all(map(_is_text, value)):
        return tuple(value)
    raise ValueError(f"{name} is {value!r:.100}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
