"""What an audit read, in the form of its report: only what JSON can hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from pydantic import BaseModel, TypeAdapter

from factory.matrix.arch import Arch
from factory.versions import version_key
from factory.wheel import pythonabi
from factory.wheel.cxxabi import cxx11abi
from factory.wheel.facts import Expected, Extension, Rules, WheelFacts
from factory.wheel.promise import Promise
from factory.wheel.torchabi import check_symbols, torch_range


class _Told(BaseModel):
    expected: dict[str, object] | None


_EXPECTED = TypeAdapter(Expected)
_FREE_THREADED = re.compile(r"[^-]+-cp\d+t-")
_FAMILIES = ("GLIBC", "GLIBCXX", "CXXABI")


def describe(facts: WheelFacts, expected: Expected | None, rules: Rules) -> dict[str, object]:
    """Return what was read, and what it was held to; what nobody asked for stands there as null."""
    info = facts.distinfo
    tags = info.tags or () if info else ()
    return {
        "version": info.version if info else None,
        "tags": list(tags),
        "requires_python": info.requires_python if info else None,
        "requires": list(info.requires) if info else [],
        "files": len(facts.members),
        "unpacked_bytes": sum(member.size for member in facts.members),
        "extensions": [_extension(extension) for extension in facts.extensions],
        "expected": _expected(expected) if expected else None,
        "promise": _promise(facts.promise) if facts.promise else None,
        "cautions": [rules.free_threaded] if any(map(_FREE_THREADED.match, tags)) else [],
    }


def expected_in(facts: Mapping[str, object]) -> Expected | None:
    """Return what a report's ``facts`` say the wheel was held to, but for the builder's paths; None where nothing is.

    Raises ValueError where they are not as ``describe`` gives them.
    """
    told = _Told.model_validate(facts).expected
    if told is None:
        return None
    archs = TypeAdapter(list[str] | None).validate_python(told.get("archs"), strict=True)
    parsed = None if archs is None else [asdict(Arch.parse(arch)) for arch in archs]
    return _EXPECTED.validate_json(json.dumps({**told, "archs": parsed, "build_paths": []}), strict=True)


def told_requirements(facts: Mapping[str, object]) -> tuple[tuple[str, ...], str | None]:
    """Return what the wheel requires, and the torch series it is for; nothing where ``facts`` do not say so."""
    requires, told = facts.get("requires"), facts.get("expected") or facts.get("promise")
    torch = told.get("torch") if isinstance(told, Mapping) else None
    said = tuple(map(str, requires)) if isinstance(requires, list) else ()
    return said, torch if isinstance(torch, str) else None


def _promise(promise: Promise) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(promise).items()}


def _extension(module: Extension) -> dict[str, object]:
    torch, calls_python = torch_range(module.undefined), bool(pythonabi.names(module.undefined))
    return {
        "path": module.path,
        "machine": module.machine,
        "cxx11abi": sorted(cxx11abi(module.undefined)),
        "archs": [str(image) for image in sorted(module.images)],
        "units": len(module.fatbins),
        "compression": list(module.compressions),
        "toolkits": list(module.toolkits),
        "needed": list(module.needed),
        "rpaths": list(module.rpaths),
        "check_symbols": list(check_symbols(module.undefined)),
        "torch": asdict(torch) if torch else None,
        "python": {"stable_since": pythonabi.first_release(module.undefined)} if calls_python else None,
        "platform": module.policy,
        "symbol_versions": {family: _newest(module.versions, family) for family in _FAMILIES},
    }


def _newest(versions: Iterable[str], family: str) -> str | None:
    """Return the newest version of ``family`` that is needed: ``2.14`` of ``GLIBC_2.14``."""
    matches = [re.fullmatch(rf"{family}_(\d+(?:\.\d+)*)", version, re.ASCII) for version in versions]
    numbers = [match[1] for match in matches if match]
    return max(numbers, key=version_key, default=None)


def _expected(expected: Expected) -> dict[str, object]:
    """Leave out the builder's paths, which are nobody's business, and the list of files, which the sdist tells."""
    archs = None if expected.archs is None else [str(arch) for arch in expected.archs]
    said = asdict(expected) | {"archs": archs, "build_paths": len(expected.build_paths)}
    return {name: value for name, value in said.items() if name != "installed"}
