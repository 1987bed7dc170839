"""Audited wheels: what each holds, where it runs, what was found."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import BaseModel

from factory.audit.report import Report
from factory.output.markdown import Markup, bullets, code, page, section, table
from factory.output.progress import counted, short
from factory.wheel.fatbin import PLAIN

COLUMNS = ("wheel", "size", "architectures", "glibc", "audit")
_FLOOR = re.compile(r"manylinux_(\d+)_(\d+)_\w+")


class _Extension(BaseModel):
    archs: tuple[str, ...]
    compression: tuple[str, ...] = ()
    platform: str


class _Facts(BaseModel):
    extensions: tuple[_Extension, ...] = ()


def markdown(reports: Sequence[Report], asked: int) -> str:
    """Return the page of a job that was ``asked`` to audit so many wheels, of which some may not be there."""
    sound = sum(report.ok for report in reports)
    sign = "✅" if sound == asked else "❌"
    title = f"{sign} Audit: {sound} of {counted(asked, 'wheel')} passed"
    return page(title, table(COLUMNS, map(row, reports)) if reports else Markup(), findings(reports))


def row(report: Report) -> tuple[str, ...]:
    """Return a row of COLUMNS for a page. Raises pydantic's ValidationError as ``brief`` does."""
    return (code(report.wheel), *brief(report)[1:])


def brief(report: Report) -> tuple[str, ...]:
    """Return a row of COLUMNS. Raises pydantic's ValidationError where the report's facts are not those of an audit."""
    modules = _Facts.model_validate(report.facts).extensions
    gpu_code = dict.fromkeys(word for module in modules for word in (*module.archs, *_packing(module.compression)))
    floors = dict.fromkeys(_glibc(module.platform) for module in modules)
    said = "passed" if report.ok else f"{len(report.findings)} found"
    return report.wheel, short(report.size), " ".join(gpu_code), " ".join(floors), said


def findings(reports: Sequence[Report]) -> Markup:
    """List what was found, wheel by wheel."""
    return section("Findings", bullets(f"{report.wheel}: {found}" for report in reports for found in report.findings))


def _packing(compression: Sequence[str]) -> list[str]:
    return [f"({name})" for name in compression if name != PLAIN]


def _glibc(platform: str) -> str:
    """Return the oldest glibc of a platform tag, ``2.28`` of ``manylinux_2_28_x86_64``; another tag as it is."""
    floor = _FLOOR.fullmatch(platform)
    return f"{floor[1]}.{floor[2]}" if floor else platform
