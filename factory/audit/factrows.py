"""What was read of one wheel, as rows for people: first what its name says, then what its machine code does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel

from factory.audit.report import Report
from factory.output.progress import counted, short
from factory.versions import abi_word
from factory.wheel.fatbin import PLAIN
from factory.wheel.promise import Promise

_EXTRA = re.compile(r"\bextra\s*==")  # what is required only where somebody asks for more


class _Torch(BaseModel):
    stable: bool
    first: str | None
    before: str | None


class _Python(BaseModel):
    stable_since: str | None


class _Extension(BaseModel):
    path: str
    machine: str
    cxx11abi: tuple[bool, ...]
    archs: tuple[str, ...]
    units: int
    compression: tuple[str, ...]
    toolkits: tuple[str, ...]
    needed: tuple[str, ...]
    rpaths: tuple[str, ...]
    torch: _Torch | None
    python: _Python | None
    platform: str
    symbol_versions: dict[str, str | None]


class _Facts(BaseModel):
    extensions: tuple[_Extension, ...]
    promise: Promise | None
    requires: tuple[str, ...]
    files: int
    cautions: tuple[str, ...] = ()


def rows(report: Report) -> list[tuple[str, str]]:
    """Return what ``report`` says was read, a fact and its value each; what does not apply is not there.

    Raises pydantic's ValidationError where the report's facts are not those of an audit.
    """
    facts = _Facts.model_validate(report.facts)
    found = [("wheel", f"{report.wheel}, {short(report.size)}, {counted(facts.files, 'file')}")]
    found += [("its name says", "; ".join(_said(facts.promise)))] if facts.promise else []
    always = [one for one in facts.requires if not _EXTRA.search(one)]
    found += [("it requires", "; ".join(always))] if always else []
    for extension in facts.extensions:
        found += [row for row in _extension(extension) if row[1]]
    found += [] if facts.extensions else [("machine code", _none(facts.promise))]
    found += [("caution", said) for said in facts.cautions]
    return found


def _said(promise: Promise) -> Iterator[str]:
    yield f"{promise.project} {promise.version}"
    yield f"CUDA {promise.cuda}" if promise.cuda else "not which CUDA"
    yield f"torch {promise.torch}" if promise.torch else "not which torch"
    if promise.python:
        yield f"Python {promise.python}"
    if promise.abi3:
        yield f"Python {promise.abi3} and newer (abi3)"
    if promise.cxx11abi is not None:
        yield f"C++ ABI {abi_word(promise.cxx11abi)}"
    if promise.systems:
        yield f"{' '.join(promise.systems)} on {' '.join(promise.machines)}"
    if promise.glibc:
        yield f"glibc {promise.glibc} and newer"


def _none(promise: Promise | None) -> str:
    if promise is not None and {"win", "macosx"} & {*promise.systems}:
        return "not read: it is not Linux's"
    return "none"


def _extension(extension: _Extension) -> Iterator[tuple[str, str]]:
    yield "machine code", f"{extension.path}, for {extension.machine}"
    packed = "".join(f", {name}" for name in extension.compression if name != PLAIN)
    code = f"{' '.join(extension.archs)} in {counted(extension.units, 'unit')}{packed}"
    called = extension.torch is not None or extension.python is not None  # else it is a library beside what is called
    yield "GPU code", code if extension.archs else "none" if called else ""
    yield "compiled by", " ".join(f"CUDA {release}" for release in extension.toolkits)
    yield "C++ ABI", " and ".join(map(abi_word, extension.cxx11abi))
    yield "torch", _torch(extension.torch) if called else ""
    yield "Python", _python(extension.python) if called else ""
    yield "needs", " ".join(extension.needed)
    yield "searches", " ".join(extension.rpaths)
    newest = "".join(f", {family} {version}" for family, version in extension.symbol_versions.items() if version)
    yield "systems", f"{extension.platform}{newest}"


def _torch(torch: _Torch | None) -> str:
    if torch is None:
        return "calls nothing of it"
    bounds = [f"{torch.first} and newer"] if torch.first else []
    bounds += [f"older than {torch.before}"] if torch.before else []
    fits = ", ".join(bounds) or "no function that tells series apart"
    return f"{fits} (its stable ABI alone)" if torch.stable else f"{fits}, by the functions it calls"


def _python(python: _Python | None) -> str:
    if python is None:
        return "calls nothing of it"
    since = python.stable_since
    return f"{since} and newer, by its stable ABI (abi3)" if since else "one release: not its stable ABI alone"
