import io
import time
from dataclasses import replace

import pytest
from rich.console import Console as RichConsole
from rich.table import Table
from rich.text import Text

from factory.output.console import Console
from factory.output.log import Log
from factory.output.progress import Snapshot, Transfer

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
    Log(RichConsole(file=output, width=40)).say(text)
    assert output.getvalue() == text + "\n"


def test_without_a_terminal_progress_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    output = io.StringIO()
    with Log(RichConsole(file=output, width=40)).progress() as meter:
        for second in range(40):
            now[0] = 100.0 + second
            meter.show(replace(SNAPSHOT, done=second))
    assert [line.split("/")[0] for line in output.getvalue().splitlines()] == ["0", "15", "30"]
    assert "\x1b" not in output.getvalue()


def test_a_transfer_is_told_in_bytes() -> None:
    output = io.StringIO()
    with Log(RichConsole(file=output, width=80)).progress() as meter:
        meter.show(Transfer(name="torch.whl", done=41_231_204, total=1_900_000_000, elapsed=130))
    assert output.getvalue() == "torch.whl: 41.2 MB of 1.9 GB · 2 % · 2m10s\n"


def test_on_a_terminal_one_line_is_kept_up_to_date() -> None:
    output = io.StringIO()
    console = RichConsole(file=output, width=120, force_terminal=True)
    with Log(console).progress() as meter:
        meter.show(SNAPSHOT)
        meter.show(replace(SNAPSHOT, done=2))
        Log(console).say("a step")
    assert "2/9 units" in output.getvalue()
    assert "flash_[bold]fwd" in output.getvalue()
    assert "a step\n" in output.getvalue()
    assert "\x1b[2K" in output.getvalue()
    assert "━" in output.getvalue()


def test_a_file_is_shown_as_it_comes_and_a_small_one_is_not() -> None:
    output = io.StringIO()
    log = Log(RichConsole(file=output, width=120, force_terminal=True))
    with log.transfer("small.txt", 999_999) as tell:
        tell(500_000)
    assert output.getvalue() == ""
    with log.transfer("large[1].whl", 2_000_000) as tell:
        tell(500_000)
        time.sleep(0.2)  # rich draws ten times a second
    assert "large[1].whl: 0.5 MB of 2.0 MB · 25 %" in output.getvalue()


def test_without_a_terminal_a_file_is_told_of_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    output = io.StringIO()
    with Log(RichConsole(file=output, width=120)).transfer("file", None) as tell:
        tell(1_000_000)
        now[0] += 16
        tell(2_500_000)
    assert output.getvalue() == "file: 2.5 MB · 16s\n"


def test_a_line_of_a_file_is_no_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("file:100: [b]")
    table.add_row(":100: [8.6]")
    console = Console()
    Log(console).say("matrix.yaml:100: unknown key [8.6] :smile:")
    Log(console).line(Text("setup.py:100: [red]"))
    Log(console).table(table)
    said = capsys.readouterr().out
    assert "matrix.yaml:100: unknown key [8.6] :smile:\nsetup.py:100: [red]\n" in said
    assert "file:100: [b]" in said
    assert ":100: [8.6]" in said
