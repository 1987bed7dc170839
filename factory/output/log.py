"""What a person sees while it works: steps, one live line of progress on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from factory.output.progress import Snapshot, Transfer

_PLAIN_EVERY = 15.0  # seconds between two lines of progress where there is no terminal


class Log:
    """What writes to ``console``, which knows about terminals, ``NO_COLOR`` and widths."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Show one thing that happened, as it is: nothing in ``text`` counts as markup."""
        self._console.print(Text(text), soft_wrap=True)

    def line(self, text: Text) -> None:
        """Show a line with its colours."""
        self._console.print(text, soft_wrap=True)

    def table(self, table: Table) -> None:
        """Show a table."""
        self._console.print(table)

    @contextmanager
    def progress(self) -> Iterator[Meter]:
        """Yield what shows progress while the block runs."""
        if not self._console.is_terminal:
            yield Meter(self, None)
            return
        with self._console.status("", spinner="line") as status:
            yield Meter(self, status)


class Meter:
    """What takes snapshots as often as one likes and shows them as often as is useful."""

    def __init__(self, log: Log, status: Status | None) -> None:
        self._log = log
        self._status = status
        self._last = float("-inf")

    def show(self, snapshot: Snapshot | Transfer) -> None:
        """Show ``snapshot`` now, or, without a terminal, only if the last line is 15 seconds old."""
        if self._status is not None:
            self._status.update(Text(snapshot.line()))
        elif time.monotonic() - self._last >= _PLAIN_EVERY:
            self._last = time.monotonic()
            self._log.say(snapshot.line())
