import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.system import process as shell

ENV = {"PATH": "/usr/bin:/bin"}
# A child and a grandchild, both asleep; their ids go to a file.
FAMILY = "sleep 60 & echo $$ $! > ids.tmp; mv ids.tmp ids; echo started; wait"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


def ids(directory: Path) -> list[int]:
    assert until((directory / "ids").exists)
    return [int(word) for word in (directory / "ids").read_text().split()]


def test_run_captures_both_streams_and_the_status() -> None:
    done = shell.run(["sh", "-c", "echo out; echo err >&2; exit 3"], env=ENV)
    assert (done.status, done.stdout, done.stderr, done.ok) == (3, "out\n", "err\n", False)


def test_env_replaces_and_nothing_is_read_from_the_terminal(tmp_path: Path) -> None:
    done = shell.run(
        [sys.executable, "-c", "import os, sys; print(dict(os.environ), sys.stdin.read())"], env={"A": "1"}
    )
    assert "'A': '1'" in done.stdout
    assert "HOME" not in done.stdout
    assert shell.run(["pwd"], cwd=tmp_path, env=ENV).stdout.strip() == str(tmp_path.resolve())


def test_bytes_that_are_not_text_do_not_raise() -> None:
    assert shell.run(["printf", r"a\377b"], env=ENV).stdout == "a\ufffdb"


def test_what_cannot_be_run_gives_127(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("text")
    (tmp_path / "odd").write_bytes(b"\x7fELFodd")
    (tmp_path / "odd").chmod(0o755)
    for name in ("missing", "plain", "odd"):
        done = shell.run([tmp_path / name])
        assert done.status == 127
        assert str(tmp_path / name) in done.stderr


def test_overrunning_gives_124() -> None:
    done = shell.run(["sleep", "60"], env=ENV, timeout=0.1)
    assert done.status == 124
    assert "0.1 seconds" in done.stderr


def test_stream_hands_over_merged_lines_as_they_come(tmp_path: Path) -> None:
    lines: list[str] = []

    def line(text: str) -> None:
        lines.append(text)
        (tmp_path / text).touch()

    # The program goes on only after its first line was seen.
    text = "echo one; while ! test -e one; do sleep 0.01; done; echo two >&2; exit 5"
    assert shell.stream(["sh", "-c", text], line=line, cwd=tmp_path, env=ENV) == 5
    assert lines == ["one", "two"]


def test_stream_ends_all_it_started_when_interrupted(tmp_path: Path) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shell.stream(["sh", "-c", FAMILY], line=interrupt, cwd=tmp_path, env=ENV)
    assert until(lambda: not any(map(alive, ids(tmp_path))))


def test_end_group_ends_grandchildren_too(tmp_path: Path) -> None:
    process = shell.start(["sh", "-c", FAMILY], cwd=tmp_path, env=ENV, output=tmp_path / "log")
    family = ids(tmp_path)
    assert all(map(alive, family))
    assert until(lambda: (tmp_path / "log").read_text() == "started\n")
    shell.end_group(process)
    assert until(lambda: not any(map(alive, family)))
    assert (tmp_path / "log").read_text() == "started\n"
    shell.end_group(process)


def test_measure_says_what_was_used(tmp_path: Path) -> None:
    text = "x = bytearray(200_000_000); i = 0\nwhile i < 1_000_000: i += 1"
    used = shell.measure([sys.executable, "-c", text], cwd=str(tmp_path), env=os.environ)
    assert used.status == 0
    assert used.peak_bytes > 200_000_000
    assert 0.005 < used.cpu_seconds < 60


def test_measure_gives_the_status_a_shell_would(tmp_path: Path) -> None:
    assert shell.measure(["sh", "-c", "exit 7"], cwd=str(tmp_path), env=ENV).status == 7
    assert shell.measure(["sh", "-c", "kill -9 $$"], cwd=str(tmp_path), env=ENV).status == 137


def test_follow_keeps_errors_apart_and_gives_the_signal(tmp_path: Path) -> None:
    lines: list[str] = []
    script = "echo out; echo err >&2; kill -SEGV $$"
    ended = shell.follow(["sh", "-c", script], line=lines.append, errors=tmp_path / "errors", limit=60, env=ENV)
    assert ended == (-signal.SIGSEGV, False)
    assert lines == ["out"]
    assert (tmp_path / "errors").read_text() == "err\n"


def test_follow_kills_the_whole_family_at_its_limit(tmp_path: Path) -> None:
    script = f"trap '' TERM; cd {tmp_path}; {FAMILY}"
    status, late = shell.follow(
        ["sh", "-c", script], line=lambda _: None, errors=tmp_path / "errors", limit=1.5, env=ENV
    )
    assert (status, late) == (-signal.SIGKILL, True)
    assert until(lambda: not any(map(alive, ids(tmp_path))))


def test_follow_leaves_nothing_behind_when_interrupted(tmp_path: Path) -> None:
    def line(text: str) -> None:
        raise KeyboardInterrupt(text)

    with pytest.raises(KeyboardInterrupt):
        shell.follow(["sh", "-c", f"cd {tmp_path}; {FAMILY}"], line=line, errors=tmp_path / "errors", limit=60, env=ENV)
    assert until(lambda: not any(map(alive, ids(tmp_path))))
