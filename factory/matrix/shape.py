"""Plain values against the keys and types of ``matrix.yaml``, with complaints people understand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from factory.matrix.document import Complaint, Path, Value
from factory.matrix.schema import MatrixFile
from factory.matrix.suggest import offered

_MAPPING = "must hold `key: value` lines"
_MESSAGES = {
    "missing": "is missing",
    "string_type": "must be a single value",
    "list_type": "must be a list such as [a, b]",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "too_short": "must not be empty",
}


def shaped(value: Value) -> MatrixFile | tuple[Complaint, ...]:
    """Return the typed file, or all that is wrong with its keys and types."""
    try:
        return MatrixFile.model_validate(value)
    except ValidationError as error:
        return tuple(_complaint(detail) for detail in error.errors(include_url=False))


def pruned(value: Value, paths: Iterable[Path]) -> Value:
    """Return ``value`` without what stands at ``paths``; where nothing stands there, what is around it goes."""
    wrong = {_standing(value, path) for path in paths}
    return None if () in wrong else _without(value, wrong, ())


def _complaint(detail: ErrorDetails) -> Complaint:
    # pydantic marks an error in a key, not its value, by this further step
    path = tuple(step for step in detail["loc"] if step != "[key]")
    return Complaint(path, _message(detail, path))


def _message(detail: ErrorDetails, path: Path) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        keys = _keys(path[:-1])
        return f"unknown key; {offered(str(path[-1]), keys)}"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    empty = ", but holds nothing" if detail["input"] is None and kind != "missing" else ""
    if kind == "enum":
        return f"must be {detail['ctx']['expected']}".replace("'", "")
    return _MESSAGES.get(kind, detail["msg"]) + empty


def _standing(value: Value, path: Path) -> Path:
    """Return the longest beginning of ``path`` that leads to something."""
    for depth, step in enumerate(path):
        inside = _at(value, step)
        if not inside:
            return path[:depth]
        value = inside[0]
    return path


def _at(value: Value, step: str | int) -> list[Value]:
    """Return what stands at ``step`` of ``value``, if anything does."""
    if isinstance(value, dict):
        return [value[step]] if isinstance(step, str) and step in value else []
    return value[step : step + 1] if isinstance(value, list) and isinstance(step, int) else []


def _without(value: Value, wrong: Collection[Path], here: Path) -> Value:
    if isinstance(value, dict):
        inside = {key: (*here, key) for key in value}
        return {key: _without(value[key], wrong, path) for key, path in inside.items() if path not in wrong}
    if isinstance(value, list):
        return [_without(item, wrong, (*here, at)) for at, item in enumerate(value) if (*here, at) not in wrong]
    return value


@cache
def _schema() -> Mapping[str, Any]:
    return MatrixFile.model_json_schema()


def _keys(path: Path) -> list[str]:
    """List the keys that the mapping at ``path`` may have."""
    here: Mapping[str, Any] = _schema()
    for step in path:
        here = _resolved(here)
        inner = here.get("properties", {}).get(step) or here.get("items") or here.get("additionalProperties")
        here = inner or next(iter(here["patternProperties"].values()))
    return list(_resolved(here)["properties"])


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    schema = schema.get("anyOf", [schema])[0]
    return _schema()["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
