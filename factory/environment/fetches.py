"""Runs an installer and shows what it fetches: torch and its libraries are gigabytes.

pip tells bytes when asked for ``--progress-bar raw`` (from 24.1 on); uv, which has bars for terminals alone, tells
what begins.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from factory.system import process, transfers
from factory.system.process import Completed
from factory.system.transfers import Tell

BYTES = ("--progress-bar", "raw")
"""What has a pip tell its bytes."""
_BEGUN = re.compile(r"Downloading (?P<name>\S+) \((?P<size>[\d.]+ ?(?P<unit>[kMG]?i?B|bytes))\)")
_CAME = re.compile(r"Progress (?P<done>\d+) of (?P<size>\d+)")
_LARGE = frozenset({"MB", "MiB", "GB", "GiB"})
# What both say of work that goes well.
_USUAL = re.compile(
    r"(Downloaded|Resolved|Prepared|Installed|Uninstalled|Audited|Using|Collecting|Looking in|Installing collected"
    r"|Successfully|Requirement already|Attempting|Found existing|\+|-) "
)


def run(argv: Sequence[str | Path], *, env: Mapping[str, str], say: Callable[[str], None]) -> Completed:
    """Run an installer to its end, tell ``say`` of each large file, and ``transfers`` of the bytes that are here.

    Returns its status, 127 where it cannot be run, as a shell has it; and as ``stdout`` what it said beside that.
    """
    with contextlib.ExitStack() as showing:
        teller = _Teller(say, showing)
        try:
            status = process.stream(argv, line=teller.line, env=env)
        except OSError as error:
            status, teller.left = 127, [f"{argv[0]}: {error.strerror}"]
    return Completed(argv=tuple(map(str, argv)), status=status, stdout="\n".join(teller.left), stderr="")


class _Teller:
    def __init__(self, say: Callable[[str], None], showing: contextlib.ExitStack) -> None:
        self.left: list[str] = []
        self._say = say
        self._showing = showing
        self._name = ""
        self._tell: Tell | None = None

    def line(self, text: str) -> None:
        said = text.strip()
        if begun := _BEGUN.fullmatch(said):
            self._name = begun["name"].rpartition("/")[2]
            if begun["unit"] in _LARGE:
                self._say(f"fetching {self._name}, {begun['size']}")
        elif came := _CAME.fullmatch(said):
            self._bytes(int(came["done"]), int(came["size"]))
        elif said and not _USUAL.match(f"{said} "):
            self.left.append(text)

    def _bytes(self, done: int, size: int) -> None:
        if self._tell is None:
            self._tell = self._showing.enter_context(transfers.coming(self._name, size or None))
        self._tell(done)
        if done == size:
            self._showing.close()
            self._tell = None
