"""The page of the keys of ``matrix.yaml``, from their JSON schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from factory.output.markdown import code, plain, table

_HEAD = """\
# Keys of matrix.yaml

`matrix.yaml` is the only file that a person edits to change what is built. Its comments give the reason of each choice
and the source of each fact. Versions need no quotes: 2.10 stays 2.10. `*` stands for any name of the kind that is said,
`[]` for an item of a list. Every mistake is named with its line, all at once, by `nox -s plan`."""
_COLUMNS = ("key", "what it holds", "required", "what for")
_CAPABILITY = "a compute capability"
_SIMPLE = {"string": "text", "boolean": "true or false", "object": "a mapping", "null": "null"}


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key by its ``path``, such as ``cuda.*.image.name``; what it ``holds`` and is ``about``, in words.

    ``required`` says that it must be there.
    """

    path: str
    holds: str
    required: bool
    about: str


def keys(schema: Mapping[str, Any]) -> Iterator[Key]:
    """Yield every key of ``schema``, each with its path, a mapping before what is in it."""
    yield from _within(schema, schema, "")


def page(schema: Mapping[str, Any]) -> str:
    """Return it, in Markdown: a section for each key of the top level."""
    parts = [_HEAD]
    found = list(keys(schema))
    for top in (key for key in found if "." not in key.path and "[" not in key.path):
        inner = [key for key in found if key.path.startswith((f"{top.path}.", f"{top.path}["))]
        must = "" if top.required else " May be left out."
        parts += [f"## {top.path}", f"{plain(_sentence(top.about))} Holds {plain(top.holds)}.{must}"]
        if inner:
            rows = [(code(key.path), key.holds, "yes" if key.required else "no", key.about) for key in inner]
            parts.append(table(_COLUMNS, rows))
    return "\n\n".join(parts) + "\n"


def _within(row: Mapping[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[Key]:
    for name, told in row.get("properties", {}).items():
        inner = f"{path}.{name}" if path else name
        meant = _resolved(told, schema)
        yield Key(
            path=inner,
            holds=_holds(told, schema),
            required=name in row.get("required", ()),
            about=told.get("description") or meant.get("description", ""),
        )
        for way, row_below in _below(meant, schema):
            yield from _within(row_below, schema, inner + way)


def _below(told: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what else has keys of its own in a value, with the way to it."""
    if "properties" in told:
        yield "", told
    for one in told.get("anyOf", ()):
        yield from _below(_resolved(one, schema), schema)
    values = [*told.get("patternProperties", {}).values(), told.get("additionalProperties"), told.get("items")]
    for one, way in zip(values, [".*"] * (len(values) - 1) + ["[]"], strict=True):
        if isinstance(one, dict):
            yield from ((way + more, row) for more, row in _below(_resolved(one, schema), schema))


def _resolved(told: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in told:
        return told
    found: Mapping[str, Any] = schema["$defs"][told["$ref"].removeprefix("#/$defs/")]
    return found


def _holds(told: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Say what kind of value it is."""
    match _resolved(told, schema):
        case {"anyOf": several}:
            said = " or ".join(_holds(one, schema) for one in several)
        case {"enum": words}:
            said = f"one of {', '.join(map(str, words))}"
        case {"const": word}:
            said = str(word)
        case {"type": "array", "items": item}:
            said = f"a list, each {_holds(item, schema)}"
        case {"type": "integer", "minimum": least, "maximum": most}:
            said = f"a whole number from {least} to {most}"
        case {"type": ["string", "number"], **more}:
            said = _CAPABILITY if _CAPABILITY[2:] in more.get("description", "") else "a version"
        case other:
            said = _SIMPLE[other["type"]]
    return said


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
