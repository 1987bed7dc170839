"""The shape of ``matrix.yaml``: its keys, what each may hold, and the JSON schema editors complete it from.

Every scalar comes in as the text that stands in the file (``factory.core.matrix_yaml``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Annotated, Any, TypeVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)

from factory.core.arch import Arch
from factory.core.matrix_yaml import Complaint, Path, Value
from factory.core.nearest import hint, nearest

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
        Version(text)
    except InvalidVersion:
        msg = f"{text!r} is not a version"
        raise ValueError(msg) from None
    return text


def _specifier(text: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        msg = f"{text!r} is not a version specifier such as '>=70.1,<82'"
        raise ValueError(msg) from None
    return text


def _arch(value: Any) -> Arch:  # noqa: ANN401 - whatever the file holds
    return Arch.parse(value if isinstance(value, str) else _one(value))


def _truth(value: Any) -> bool:  # noqa: ANN401 - whatever the file holds
    word = _one(value).lower()
    if word not in ("true", "false"):
        msg = f"{value!r} must be TRUE or FALSE"
        raise ValueError(msg)
    return word == "true"


def _one(value: Any) -> str:  # noqa: ANN401 - whatever the file holds
    if not isinstance(value, str):
        msg = "must be a single value"
        raise ValueError(msg)  # noqa: TRY004 - pydantic collects ValueError only
    return value


def _switch(text: str) -> str:
    if text not in SWITCHES:
        msg = f"{text!r} is no FLASHATTENTION_DISABLE_ switch; there are {', '.join(SWITCHES)}{hint(text, SWITCHES)}"
        raise ValueError(msg)
    return text


def _default(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    if isinstance(value, str) and value != "default":
        msg = f"must be a list like [8.6, 8.9], or default{hint(value, ['default'])}"
        raise ValueError(msg)
    return None if value == "default" else value


def _index(text: str) -> str | None:
    if text != "default" and not text.startswith("https://"):
        msg = f"{text!r} is neither default nor an https:// address{hint(text, ['default'])}"
        raise ValueError(msg)
    return None if text == "default" else text


def _listed(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
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


_NUMERIC = {"type": ["string", "number"]}
_ARCH = {**_NUMERIC, "description": "a compute capability: 8.6, 86, 9.0a or 8.9+PTX"}

Series = Annotated[
    str,
    AfterValidator(_like(r"\d{1,4}\.\d{1,4}", "2.10")),
    WithJsonSchema({**_NUMERIC, "pattern": r"^[0-9]+\.[0-9]+$"}),
]
Release = Annotated[str, AfterValidator(_release), WithJsonSchema(_NUMERIC)]
Architecture = Annotated[Arch, PlainValidator(_arch), WithJsonSchema(_ARCH)]
Abi = Annotated[bool, PlainValidator(_truth), WithJsonSchema({"type": "boolean"})]
Text = Annotated[str, AfterValidator(_said)]
Name = Annotated[str, AfterValidator(_like(r"[a-z][a-z0-9]*", "smoke: lower-case letters and digits"))]
Several = Annotated[list[Item], Field(min_length=1), AfterValidator(_unlike)]
OneOrSeveral = Annotated[list[Item], BeforeValidator(_listed), Field(min_length=1), AfterValidator(_unlike)]
Count = Annotated[int, Field(ge=1, le=10_000)]


class Row(BaseModel):
    """A mapping with a fixed set of keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RunnersRow(Row):
    """Labels of the machines the workflows run on."""

    build: Several[Text]
    gpu: list[Text] = Field(description="empty: wheels are not tested on a GPU there")


class WheelsRow(Row):
    """What is built for a torch without being asked for by name."""

    flash_attn: Several[Release]
    cuda: Annotated[dict[Series, Abi], Field(min_length=1)] = Field(description="CUDA release to C++11 ABI")
    python: Several[Series]


class SkipRow(Row):
    """Cells that are never built; an axis left out means all of it."""

    flash_attn: OneOrSeveral[Release] = Field(default=[])
    cuda: OneOrSeveral[Series] = Field(default=[])
    torch: OneOrSeveral[Series] = Field(default=[])
    python: OneOrSeveral[Series] = Field(default=[])
    abi: OneOrSeveral[Abi] = Field(default=[])
    reason: Text


class FlashAttnRow(Row):
    """A flash-attn release."""

    sha256: Annotated[str, AfterValidator(_like(r"[0-9a-f]{64}", "64 hexadecimal digits in lower case"))]
    torch: Several[Series] = Field(description="the series it can be built for")
    leave_out: list[Text] = Field(default=[], description="paths of the source that must not be packed")


class PythonRow(Row):
    """The torch series that have wheels for this Python."""

    first_torch: Series
    last_torch: Series


class BuildRow(Row):
    """One official build of a torch."""

    abi: Abi
    index: Annotated[str, AfterValidator(_index)] = Field(description="default, or the address of an index")


class TorchRow(Row):
    """A torch series."""

    release: Release
    kernel_class: Annotated[str, AfterValidator(_like(r"torch\d{1,4}\.\d{1,4}", "torch2.10"))]
    cxx_standard: Count
    setuptools: Annotated[str, AfterValidator(_specifier)]
    builds: Annotated[dict[Series, BuildRow], Field(min_length=1)]


class ImageRow(Row):
    """A container image."""

    name: Text
    digest: Annotated[str, AfterValidator(_like(r"sha256:[0-9a-f]{64}", "sha256:<64 hexadecimal digits>"))] | None


class CudaRow(Row):
    """A CUDA release."""

    targets: Several[Architecture]
    newest_gcc: Count
    minimum_driver: Count
    archs: Several[Architecture]
    front_end: dict[Architecture, Several[Architecture]]
    image: ImageRow | None


class ProfileRow(Row):
    """A set of upstream's switches."""

    disable: Annotated[list[Annotated[str, AfterValidator(_switch)]], AfterValidator(_unlike)]
    summary: Text


class MatrixFile(Row):
    """matrix.yaml of the flash-attn wheel factory."""

    archs: Annotated[Several[Architecture] | None, BeforeValidator(_default)] = Field(
        description="default: each CUDA's own list; or one list for all, such as [8.6, 8.9]"
    )
    max_jobs: Count
    runners: RunnersRow
    wheels: dict[Series, WheelsRow]
    skip: list[SkipRow]
    oldest_arch: Architecture
    abi_true_since: Series
    flash_attn: dict[Release, FlashAttnRow]
    python: dict[Series, PythonRow]
    torch: dict[Series, TorchRow]
    cuda: dict[Series, CudaRow]
    profiles: dict[Name, ProfileRow]
