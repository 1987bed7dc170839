import io
import time
from dataclasses import replace

import pytest
from rich.console import Console

from factory.output.log import Log
from factory.output.progress import Snapshot

SNAPSHOT = Snapshot(
    done=1,
    total=9,
    running=("flash_[bold]fwd",),
    elapsed=1,
    remaining=2,
    memory_used=0,
    memory_total=1,
)


def test_what_is_said_is_one_plain_line_however_long() -> None:
    output = io.StringIO()
    text = "[red]not markup[/red] 12 'path' " + "x" * 200
    Log(Console(file=output, width=40)).say(text)
    assert output.getvalue() == text + "\n"


def test_without_a_terminal_progress_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    output = io.StringIO()
    with Log(Console(file=output, width=40)).progress() as meter:
        for second in range(40):
            now[0] = 100.0 + second
            meter.show(replace(SNAPSHOT, done=second))
    assert [line.split("/")[0] for line in output.getvalue().splitlines()] == ["0", "15", "30"]
    assert "\x1b" not in output.getvalue()


def test_on_a_terminal_one_line_is_kept_up_to_date() -> None:
    output = io.StringIO()
    console = Console(file=output, width=120, force_terminal=True)
    with Log(console).progress() as meter:
        meter.show(SNAPSHOT)
        meter.show(replace(SNAPSHOT, done=2))
        Log(console).say("a step")
    assert "2/9 units" in output.getvalue()
    assert "flash_[bold]fwd" in output.getvalue()
    assert "a step\n" in output.getvalue()
    assert "\x1b[2K" in output.getvalue()
