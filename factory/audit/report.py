"""The outcome of an audit, bound to one file by its sha256."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from factory.output.progress import counted

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One check that a wheel does not pass: what the check asks for, and what was found instead."""

    check: str
    message: str
    evidence: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.check}: {self.message} Found: {'; '.join(self.evidence)}"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the audit of one wheel found; ``size`` is in bytes, ``facts`` hold only what JSON can.

    ``factory/data/report.schema.json`` describes its JSON.
    """

    schema: int
    wheel: str
    sha256: str
    size: int
    ok: bool
    findings: tuple[Finding, ...]
    facts: Mapping[str, object]

    def to_json(self) -> str:
        """Return the report as JSON text that ends in a newline."""
        return json.dumps(asdict(self), indent=2) + "\n"


_REPORT = TypeAdapter(Report)


def read_report(text: str) -> Report:
    """Return the report that the audit wrote.

    Raises ValueError (pydantic's, with every complaint) for anything else, also where ``ok`` contradicts the findings.
    """
    report = _REPORT.validate_json(text)
    if report.schema != SCHEMA:
        msg = f"it has schema {report.schema}; this factory reads {SCHEMA}"
        raise ValueError(msg)
    if report.ok == bool(report.findings):
        msg = f"it says ok: {json.dumps(report.ok)}, with {counted(len(report.findings), 'finding')}"
        raise ValueError(msg)
    return report
