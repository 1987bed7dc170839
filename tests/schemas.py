"""The JSON schemas of what programs read, made of the types that it is written from: ``python -m tests.schemas``.

``report.schema.json`` is written by hand, for a report's facts have no type; tests/audit holds reports to it.
``matrix.schema.json`` is made by ``factory.matrix.schema``.
"""

from __future__ import annotations

import functools
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import jsonschema
import typing_extensions
from pydantic import TypeAdapter

from factory.data import DATA
from factory.doctor.result import Told
from factory.gpu_test.verdict import Verdict
from factory.index.served import flash_attn_wheel
from factory.index.status import Status
from factory.plan.document import PlanDocument
from factory.pool.record import Record, SetRecord
from factory.prove import prove
from factory.prove.prove import Proof
from factory.reproduce import units
from factory.reproduce.units import Sample

DIALECT = "https://json-schema.org/draft/2020-12/schema"
COUNT = {"type": "integer", "minimum": 0}
TRUTH = {"type": "boolean"}
INDEX = {"const": flash_attn_wheel.SCHEMA}


class Wheels(TypedDict):
    """The list of an index's wheels."""

    schema: int
    wheels: list[flash_attn_wheel.Row]


@dataclass(frozen=True, kw_only=True)
class Described:
    """JSON that is written of ``kind``, and by the names of types what is written of them beside their fields."""

    kind: Any
    title: str
    more: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


SCHEMAS = {
    "plan": Described(kind=PlanDocument, title="plan --json"),
    "doctor": Described(kind=Told, title="doctor --json"),
    "reproduce": Described(
        kind=Sample,
        title="reproduce --shard K/N --json, a line for each kernel set, and FILE.reproduced.json in a release",
        more={"Sample": {"schema": {"const": units.SCHEMA}, "same": TRUTH}},
    ),
    "verdict": Described(
        kind=Verdict,
        title="WHEEL.verdict.json, which gpu_test writes",
        more={"Verdict": {"ok": TRUTH}, "Group": {"cases": COUNT, "failed": COUNT, "skipped": COUNT}},
    ),
    "proof": Described(
        kind=Proof,
        title="factory/data/proofs, which prove writes",
        more={"Proof": {"schema": {"const": prove.SCHEMA}}},
    ),
    "wheels": Described(kind=Wheels, title="wheels.json of an index", more={"Wheels": {"schema": INDEX}}),
    "rules": Described(kind=flash_attn_wheel.Rules, title="rules.json of an index", more={"Rules": {"schema": INDEX}}),
    "status": Described(kind=Status, title="status.json of an index"),
    "pool-part": Described(kind=Record, title="parts/KEY.json of a pool and of its archives"),
    "pool-set": Described(kind=SetRecord, title="sets/NAME.json of a pool and of its archives"),
}


def text(name: str) -> str:
    """Give what stands in the file of that schema."""
    described = SCHEMAS[name]
    made = TypeAdapter(_modern(described.kind)).json_schema(mode="serialization")
    parts = {described.kind.__name__: made, **made.get("$defs", {})}
    for kind, part in parts.items():
        if "properties" in part:
            _close(part, described.more.get(kind, {}))
    return json.dumps({"$schema": DIALECT, **made, "title": described.title}, indent=2) + "\n"


def check(name: str, told: object) -> None:
    """Hold JSON to the schema of that name in factory/data. Raises jsonschema.ValidationError."""
    jsonschema.validate(told, _committed(name), cls=jsonschema.Draft202012Validator)


@functools.cache
def _committed(name: str) -> Any:  # noqa: ANN401 - a JSON schema
    return json.loads((DATA / f"{name}.schema.json").read_text(encoding="utf-8"))


def _close(part: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Have an object hold all of its keys and no other; its schema number is the one that is written."""
    part["properties"] |= more
    for key, told in part["properties"].items():
        told.pop("title", None)
        default = told.pop("default", None)
        if key == "schema" and default is not None:
            part["properties"][key] = {"const": default}
    part |= {"required": list(part["properties"]), "additionalProperties": False}
    part.pop("title", None)


def _modern(kind: Any) -> Any:  # noqa: ANN401 - any type
    """Give ``kind`` with typing's TypedDict replaced, of which pydantic reads only that of Python 3.12 and newer."""
    if typing.is_typeddict(kind):
        hints = {name: _modern(hint) for name, hint in typing.get_type_hints(kind).items()}
        made = typing_extensions.TypedDict(kind.__name__, hints)  # type: ignore[misc]  # made here and nowhere written
        made.__doc__ = kind.__doc__
        return made
    arguments = tuple(map(_modern, typing.get_args(kind)))
    if isinstance(kind, types.UnionType):
        return functools.reduce(lambda one, other: one | other, arguments)
    return typing.get_origin(kind)[arguments] if arguments and typing.get_origin(kind) is not Literal else kind


if __name__ == "__main__":
    for name in SCHEMAS:
        (DATA / f"{name}.schema.json").write_text(text(name), encoding="utf-8")
