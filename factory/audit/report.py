"""The outcome of an audit, bound to one file by its sha256."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One check that a wheel does not pass: what the check asks for, and what was found instead."""

    check: str
    message: str
    evidence: tuple[str, ...]

    def __str__(self) -> str:
        """Give it as one line."""
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
        """Give the report as JSON text that ends in a newline."""
        return json.dumps(asdict(self), indent=2) + "\n"
