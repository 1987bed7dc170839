"""What lies beside a wheel: the endings of its report, its verdict, its METADATA and the note that it is yanked."""

from __future__ import annotations

REPORT = ".report.json"

VERDICT = ".verdict.json"

METADATA = ".metadata"

YANKED = ".yanked"
"""Suffix of a text asset: the wheel in front of it is withdrawn, for the reason it holds."""
