"""What a single value of ``matrix.yaml`` may be: each type reads the text that stands in the file.

A check raises ValueError with the message a person gets; pydantic collects them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from typing import Annotated, TypeVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from factory.matrix.arch import Arch
from factory.matrix.document import Value
from factory.matrix.imagename import ImageName
from factory.matrix.suggest import hint

SWITCHES = ("BACKWARD", "DROPOUT", "ALIBI", "SOFTCAP", "UNEVEN_K", "LOCAL")
"""Upstream's ``FLASHATTENTION_DISABLE_*`` switches, without that prefix."""

Item = TypeVar("Item", bound=Hashable)


def _like(pattern: str, example: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if re.fullmatch(pattern, text, re.ASCII) is None:
            msg = f"{text!r} is not of the form {example}"
            raise ValueError(msg)
        return text

    return check


def _release(text: str) -> str:
    try:
        usual = str(Version(text))
    except InvalidVersion:
        msg = f"{text!r} is not a version"
        raise ValueError(msg) from None
    if usual != text:
        msg = f"{text!r} must be written {usual}, as in the name of a wheel"
        raise ValueError(msg)
    return text


def _specifier(text: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        msg = f"{text!r} is not a version specifier such as '>=70.1,<82'"
        raise ValueError(msg) from None
    return text


def _one(value: Value) -> str:
    if isinstance(value, str):
        return value
    msg = "must be a single value"
    raise ValueError(msg)


def _arch(value: Value) -> Arch:
    return Arch.parse(_one(value))


def _truth(value: Value) -> bool:
    word = _one(value)
    if word.lower() not in ("true", "false"):
        msg = f"{word!r} must be TRUE or FALSE"
        raise ValueError(msg)
    return word.lower() == "true"


def _switch(text: str) -> str:
    if text not in SWITCHES:
        msg = f"{text!r} is no FLASHATTENTION_DISABLE_ switch; there are {', '.join(SWITCHES)}{hint(text, SWITCHES)}"
        raise ValueError(msg)
    return text


def _default(value: Value) -> Value:
    if isinstance(value, str) and value != "default":
        msg = f"{value!r} is neither a list such as [8.6, 8.9] nor default{hint(value, ['default'])}"
        raise ValueError(msg)
    return None if value == "default" else value


def _index(text: str) -> str:
    if text != "default" and not text.startswith("https://"):
        msg = f"{text!r} is neither default nor an https:// address{hint(text, ['default'])}"
        raise ValueError(msg)
    return text


def _listed(value: Value) -> Value:
    return [value] if isinstance(value, str) else value


def _said(text: str) -> str:
    if not text.strip():
        msg = "must not be empty"
        raise ValueError(msg)
    return text.strip()


def _unlike(items: list[Item]) -> list[Item]:
    twice = sorted({str(item) for item in items if items.count(item) > 1})
    if twice:
        msg = f"names {', '.join(twice)} twice"
        raise ValueError(msg)
    return items


def _image(text: str) -> str:
    ImageName.parse(text)
    return text


class _OrOne:
    """Tells editors that a list of one may be written without its brackets."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        return {"anyOf": [schema["items"], schema]}


_SCALAR = {"type": ["string", "number"]}  # to an editor 2.10 is a number
_ARCH = {**_SCALAR, "description": "a compute capability: 8.6, 86, 9.0a or 8.9+PTX"}
_ARCHS = {"anyOf": [{"const": "default"}, {"type": "array", "items": _ARCH, "minItems": 1}]}

Series = Annotated[
    str,
    AfterValidator(_like(r"\d{1,4}\.\d{1,4}", "2.10")),
    WithJsonSchema({**_SCALAR, "pattern": r"^[0-9]+\.[0-9]+$"}),
]
Release = Annotated[str, AfterValidator(_release), WithJsonSchema(_SCALAR)]
Architecture = Annotated[Arch, PlainValidator(_arch), WithJsonSchema(_ARCH)]
Abi = Annotated[bool, PlainValidator(_truth), WithJsonSchema({"type": "boolean"})]
Text = Annotated[str, AfterValidator(_said)]
Name = Annotated[str, AfterValidator(_like(r"[a-z][a-z0-9]*", "smoke: lower-case letters and digits"))]
Sha256 = Annotated[str, AfterValidator(_like(r"[0-9a-f]{64}", "64 hexadecimal digits in lower case"))]
Digest = Annotated[str, AfterValidator(_like(r"sha256:[0-9a-f]{64}", "sha256: and 64 hexadecimal digits"))]
ImageText = Annotated[str, AfterValidator(_image)]
KernelClass = Annotated[str, AfterValidator(_like(r"torch\d{1,4}\.\d{1,4}", "torch2.10"))]
Specifier = Annotated[str, AfterValidator(_specifier)]
Index = Annotated[str, AfterValidator(_index)]
Switch = Annotated[str, AfterValidator(_switch), WithJsonSchema({"enum": list(SWITCHES)})]
Count = Annotated[int, Field(ge=1, le=10_000)]
Several = Annotated[list[Item], Field(min_length=1), AfterValidator(_unlike)]
OneOrSeveral = Annotated[list[Item], Field(min_length=1), AfterValidator(_unlike), BeforeValidator(_listed), _OrOne]
ArchsOrDefault = Annotated[Several[Architecture] | None, BeforeValidator(_default), WithJsonSchema(_ARCHS)]
