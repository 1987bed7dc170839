"""Texts that people were really shown, and what comes of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from factory.diagnose import machine
from factory.diagnose.cell import settled
from factory.diagnose.diagnose import lines
from factory.errors import FactoryError
from factory.matrix import selector
from factory.matrix.cells import expand
from factory.matrix.load import load
from tests.frozen import MATRIX

LOGS = Path(__file__).parents[1] / "data" / "logs"
REPORTS: list[dict[str, Any]] = tomllib.loads((LOGS / "reported" / "reports.toml").read_text(encoding="utf-8"))[
    "report"
]
EXCERPTS: list[dict[str, Any]] = tomllib.loads((LOGS / "excerpts.toml").read_text(encoding="utf-8"))["excerpt"]
LANGUAGES: list[dict[str, Any]] = tomllib.loads((LOGS / "languages.toml").read_text(encoding="utf-8"))["line"]

_COMMANDS = re.compile(r"nox -s build -- ([^`]*)`")
_OPTIONS = re.compile(r" --\w+ [\w.]+")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is printed of a text: its cause, and all of it."""

    cause: str
    text: str

    @property
    def cells(self) -> list[str]:
        """What it says to build."""
        return [_OPTIONS.sub("", words) for words in _COMMANDS.findall(self.text)]


@cache
def told(text: bytes) -> Told:
    """Return what is printed of ``text``."""
    matrix = load(MATRIX.read_text(encoding="utf-8"))
    found = machine.of_blocks(
        [text],
        settle=lambda facts: settled(facts, matrix),
        cache=Path("/"),
        peak=7 * 10**9,
    )
    return Told(cause=found.cause, text="\n".join(lines("a.log", found)))


def of_report(report: Mapping[str, Any]) -> Told:
    """Return what is printed of a report's log."""
    return told((LOGS / "reported" / report["log"]).read_bytes())


def right(report: Mapping[str, Any]) -> bool:
    """Whether a report's remedy is what it must be."""
    text = of_report(report).text
    return all(part in text for part in report.get("says", ())) and not any(
        part in text for part in report.get("never", ())
    )


@cache
def count(words: str) -> int:
    """Return how many cells ``nox -s build`` would build of ``words``."""
    matrix = load(MATRIX.read_text(encoding="utf-8"))
    try:
        return len(selector.select(expand(matrix), selector.parse(words.split(), matrix)))
    except FactoryError:
        return 0


def figure() -> str:
    """Return how much of all this is right."""
    texts = [(row["cause"], told(row["text"].encode())) for row in (*EXCERPTS, *LANGUAGES)]
    texts += [(row["cause"], of_report(row)) for row in REPORTS]
    causes = sum(cause == found.cause for cause, found in texts)
    remedies = sum(map(right, REPORTS))
    ran = sum("ran" in row for row in REPORTS)
    return (
        f"diagnose: of {len(texts)} real texts {causes} have the right cause; of {len(REPORTS)} that say their remedy"
        f" {remedies} have the right one, and {ran} have it really run"
    )
