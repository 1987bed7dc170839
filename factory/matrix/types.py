"""What a single value of ``matrix.yaml`` may be: each type reads the text that stands in the file.

A check raises ValueError with the message a person gets; pydantic collects them.
"""

from __future__ import annotations

import re
from collections import Counter
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
from factory.matrix.suggest import hint, offered
from factory.platforms import platforms
from factory.system.paths import inner

SWITCHES = ("BACKWARD", "DROPOUT", "ALIBI", "SOFTCAP", "UNEVEN_K", "LOCAL")
"""Upstream's ``FLASHATTENTION_DISABLE_*`` switches, without that prefix."""

COMPRESSIONS = ("balance", "size")
"""The modes of ``fatbinary`` that compress with zstd, the quick one first."""

CXX_STANDARDS = (17, 20, 23)
"""C++ standards, oldest first, that g++ 11 and newer have and the headers of torch 2.4 and newer may ask for."""

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


def _real(value: Value) -> Arch:
    arch = _arch(value)
    if arch.ptx:
        msg = f"{arch} must be written {arch.real}: only archs say whether PTX is kept"
        raise ValueError(msg)
    return arch


def _one_spelling(value: Value) -> Arch:
    arch = _real(value)
    if value != str(arch):
        msg = f"{value!r} must be written {arch}, so that no two keys can mean the same"
        raise ValueError(msg)
    return arch


def _truth(value: Value) -> bool:
    word = _one(value)
    if word.lower() not in ("true", "false"):
        msg = f"{word!r} must be TRUE or FALSE"
        raise ValueError(msg)
    return word.lower() == "true"


def _switch(text: str) -> str:
    if text not in SWITCHES:
        msg = f"{text!r} is no FLASHATTENTION_DISABLE_ switch; {offered(text, SWITCHES)}"
        raise ValueError(msg)
    return text


def _default(value: Value) -> Value:
    if isinstance(value, str) and value != "default":
        msg = f"{value!r} is neither a list such as [8.6, 8.9] nor default{hint(value, ['default'])}"
        raise ValueError(msg)
    if value is None:
        msg = "must be default or a list such as [8.6, 8.9], but holds nothing"
        raise ValueError(msg)
    return None if value == "default" else value


def _index(text: str) -> str:
    if text != "default" and _ADDRESS.fullmatch(text) is None:
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


def _standard(number: int) -> int:
    if number not in CXX_STANDARDS:
        msg = f"C++{number} is no standard known here; there are {', '.join(map(str, CXX_STANDARDS))}"
        raise ValueError(msg)
    return number


def _compression(text: str) -> str:
    if text not in COMPRESSIONS:
        msg = f"{text!r} is no mode known here; {offered(text, COMPRESSIONS)}"
        raise ValueError(msg)
    return text


def _machine(text: str) -> str:
    names = tuple(platforms())
    if text not in names:
        msg = f"{text!r} is no machine; factory/data/platforms.toml has {', '.join(names)}{hint(text, names)}"
        raise ValueError(msg)
    return text


def _unlike(items: list[Item]) -> list[Item]:
    twice = sorted(str(item) for item, count in Counter(items).items() if count > 1)
    if twice:
        msg = f"names {', '.join(twice)} twice"
        raise ValueError(msg)
    return items


def _inner(text: str) -> str:
    return str(inner(text))


def _image(text: str) -> str:
    ImageName.parse(text)
    return text


# A host of labels as RFC 1123 has them, a port, and of a path what RFC 3986 lets stand there; no query, no fragment.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"https://{_LABEL}(?:\.{_LABEL})*(?::\d{{1,5}})?(?:/[\w.~!$&'()*+,;=:@%/-]*)?", re.ASCII)


class _OrOne:
    """Tells editors that a list of one may be written without its brackets."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        return {"anyOf": [schema["items"], schema]}


_SCALAR = {"type": ["string", "number"]}  # to an editor 2.10 is a number
_ARCH = {**_SCALAR, "description": "a compute capability: 8.6, 86, 9.0a or 8.9+PTX"}
_TARGET = {**_SCALAR, "description": "a compute capability: 8.6, 9.0a"}
_ARCHS = {"anyOf": [{"const": "default"}, {"type": "array", "items": _ARCH, "minItems": 1}]}

Series = Annotated[
    str,
    AfterValidator(_like(r"\d{1,4}\.\d{1,4}", "2.10")),
    WithJsonSchema({**_SCALAR, "pattern": r"^[0-9]+\.[0-9]+$"}),
]
PythonSeries = Annotated[
    str,
    AfterValidator(_like(r"\d{1,4}\.\d{1,4}t?", "3.10, or 3.14t for the free-threaded one")),
    WithJsonSchema({**_SCALAR, "pattern": r"^[0-9]+\.[0-9]+t?$"}),
]
Release = Annotated[str, AfterValidator(_release), WithJsonSchema(_SCALAR)]
Architecture = Annotated[Arch, PlainValidator(_arch), WithJsonSchema(_ARCH)]
Target = Annotated[Arch, PlainValidator(_real), WithJsonSchema(_TARGET)]
FrontEndKey = Annotated[Arch, PlainValidator(_one_spelling), WithJsonSchema(_TARGET)]
Abi = Annotated[bool, PlainValidator(_truth), WithJsonSchema({"type": "boolean"})]
Text = Annotated[str, AfterValidator(_said)]
InnerPath = Annotated[str, AfterValidator(_inner)]
Name = Annotated[str, AfterValidator(_like(r"[a-z][a-z0-9]*", "smoke: lower-case letters and digits"))]
Sha256 = Annotated[str, AfterValidator(_like(r"[0-9a-f]{64}", "64 hexadecimal digits in lower case"))]
Digest = Annotated[str, AfterValidator(_like(r"sha256:[0-9a-f]{64}", "sha256: and 64 hexadecimal digits"))]
ImageText = Annotated[str, AfterValidator(_image)]
Machine = Annotated[str, AfterValidator(_machine), WithJsonSchema({"enum": list(platforms())})]
CxxStandard = Annotated[int, AfterValidator(_standard), WithJsonSchema({"enum": list(CXX_STANDARDS)})]
Compression = Annotated[str, AfterValidator(_compression), WithJsonSchema({"enum": list(COMPRESSIONS)})]
Specifier = Annotated[str, AfterValidator(_specifier)]
Index = Annotated[str, AfterValidator(_index)]
Switch = Annotated[str, AfterValidator(_switch), WithJsonSchema({"enum": list(SWITCHES)})]
Count = Annotated[int, Field(ge=1, le=10_000)]
Several = Annotated[list[Item], Field(min_length=1), AfterValidator(_unlike)]
OneOrSeveral = Annotated[list[Item], Field(min_length=1), AfterValidator(_unlike), BeforeValidator(_listed), _OrOne]
ArchsOrDefault = Annotated[Several[Architecture] | None, BeforeValidator(_default), WithJsonSchema(_ARCHS)]
