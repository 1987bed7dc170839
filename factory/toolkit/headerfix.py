"""What later CUDA releases mended in their headers, done to the text of an earlier one's.

The data is ``data/header_fixes.yaml``, which says why and where it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from factory.system import plainyaml
from factory.toolkit.pins import Relative
from factory.versions import numbers


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Change(_Strict):
    """Text ``old`` that stands exactly once in ``file``, a path below the toolkit, and what takes its place."""

    file: Relative
    old: Annotated[str, Field(min_length=1)]
    new: str


class HeaderFix(_Strict):
    """One thing NVIDIA mended: ``functions`` that glibc has from release ``glibc`` on clash in CUDA ``releases``."""

    name: str
    releases: Annotated[tuple[str, ...], Field(min_length=1)]
    functions: Annotated[tuple[str, ...], Field(min_length=1)]
    glibc: str
    mended_in: str
    changes: Annotated[tuple[Change, ...], Field(min_length=1)]


class _Document(_Strict):
    fixes: tuple[HeaderFix, ...]


def parse(text: str) -> tuple[HeaderFix, ...]:
    """Return the fixes that the text of ``header_fixes.yaml`` lists.

    Raises pydantic's ValidationError with every complaint at once.
    """
    return _Document.model_validate(plainyaml.load(text)).fixes


def meant_for(version: str, fixes: Iterable[HeaderFix]) -> tuple[HeaderFix, ...]:
    """Return those of ``fixes`` that CUDA ``version`` (``12.4``) needs as NVIDIA published it."""
    return tuple(fix for fix in fixes if version in fix.releases)


def on(glibc: str, fixes: Iterable[HeaderFix]) -> tuple[HeaderFix, ...]:
    """Return those of ``fixes`` without which nothing compiles on a machine with ``glibc`` (``2.41``; empty: none)."""
    return tuple(fix for fix in fixes if numbers(fix.glibc) <= numbers(glibc))


def functions(fixes: Iterable[HeaderFix]) -> str:
    """Return the names of what ``fixes`` are about, a function once for double and float: ``cospi, sinpi, rsqrt``."""
    return ", ".join(name for fix in fixes for name in fix.functions if f"{name}f" in fix.functions)


def mended(fixes: Iterable[HeaderFix], read: Callable[[str], str]) -> tuple[tuple[HeaderFix, ...], Mapping[str, str]]:
    """Return the ``fixes`` that fit a toolkit whose files ``read`` gives, and the new text of each file they change.

    A fix fits as a whole or not at all: where any of its old texts does not stand exactly once, the header is not
    the one NVIDIA published, and is left as it is. ``read`` may raise OSError.
    """
    texts: dict[str, str] = {}
    done: list[HeaderFix] = []
    for fix in fixes:
        files = {change.file for change in fix.changes}
        draft = {file: texts[file] if file in texts else read(file) for file in files}
        if all(_replace(draft, change) for change in fix.changes):
            texts |= draft
            done.append(fix)
    return tuple(done), texts


def _replace(draft: dict[str, str], change: Change) -> bool:
    text = draft[change.file]
    draft[change.file] = text.replace(change.old, change.new)
    return text.count(change.old) == 1
