"""The page of the environment variables."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from factory.output.markdown import Markup, code, table

_FILE = Path(__file__).with_name("variables.toml")
_COLUMNS = ("variable", "what it is for")


def groups() -> list[dict[str, Any]]:
    """Return the groups of variables, as ``variables.toml`` has them: ``title`` and rows of ``names`` and ``about``."""
    return list(tomllib.loads(_FILE.read_text(encoding="utf-8"))["group"])


def page() -> str:
    """Return it, in Markdown."""
    parts = ["# Environment variables"]
    for group in groups():
        rows = [(Markup(", ".join(map(code, row["names"]))), row["about"]) for row in group["row"]]
        parts += [f"## {group['title']}", table(_COLUMNS, rows)]
    return "\n\n".join(parts) + "\n"
