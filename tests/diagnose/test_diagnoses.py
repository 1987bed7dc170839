"""What ``diagnoses.toml`` says of what others, and we ourselves, print."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from factory.data import DATA
from factory.diagnose.machine import rules
from factory.output.progress import Snapshot

LOGS = Path(__file__).parents[1] / "data" / "logs"
TABLE = tomllib.loads((DATA / "diagnoses.toml").read_text(encoding="utf-8"))
SEEN = [
    *(path.read_text(encoding="utf-8", errors="replace") for path in LOGS.glob("*.log")),
    *(row["text"] for row in tomllib.loads((LOGS / "excerpts.toml").read_text(encoding="utf-8"))["excerpt"]),
]


@pytest.mark.parametrize("cause", TABLE["cause"], ids=lambda row: row["name"])
def test_every_sign_has_a_source_or_is_in_a_log(cause: dict[str, Any]) -> None:
    for sign in cause["sign"]:
        pattern = re.compile(sign.get("pattern", ""), re.MULTILINE)
        seen = any(sign["text"] in text.lower() and pattern.search(text) for text in SEEN)
        assert sign.get("source") or seen, f"who prints {sign['text']!r}? Say it as its source, or add a log"


def test_a_log_that_ends_with_our_own_progress_was_cut_off() -> None:
    line = Snapshot(
        done=12, total=84, running=("a",), elapsed=130, remaining=780, memory_used=7 * 10**9, memory_total=23 * 10**9
    ).line()
    assert rules().unknown.unfinished.search(line)
