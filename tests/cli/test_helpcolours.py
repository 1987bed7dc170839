"""The help on a real terminal says what it says elsewhere, in colours."""

import os
import pty
import re
import subprocess
import sys

import pytest

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
WIDE = {**os.environ, "COLUMNS": "100", "TERM": "xterm-256color"}


def on_terminal(*words: str, **more: str) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "factory", *words], stdin=theirs, stdout=theirs, stderr=theirs, env=WIDE | more
    ):
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 1 << 16):
                seen += piece
        except OSError:  # how Linux says that nobody is at the other end
            os.close(ours)
    return seen.decode().replace("\r\n", "\n")


def elsewhere(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "factory", *words], capture_output=True, text=True, env=WIDE, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("words", ["--help", "", "build --help", "pool export --help"])
def test_a_help_is_coloured_on_a_terminal_and_says_the_same(words: str) -> None:
    seen = on_terminal(*words.split())
    assert COLOUR.search(seen)
    assert COLOUR.sub("", seen) == elsewhere(*words.split())
    assert not COLOUR.search(elsewhere(*words.split()))


def test_no_colour_is_shown_to_who_wants_none() -> None:
    seen = on_terminal("build", "--help", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", seen)
    assert COLOUR.sub("", seen) == elsewhere("build", "--help")
