"""What a person sees while it works: steps, a live bar of progress on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from factory.output.progress import Snapshot, Transfer

_PLAIN_EVERY = 15.0  # seconds between two lines of progress where there is no terminal
_BAR = 24  # characters
_LARGE = 1_000_000  # bytes: what is smaller is here before anybody wonders


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
        from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 - only where a bar is to be seen

        line = TextColumn("{task.fields[line]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
        with Progress(BarColumn(bar_width=_BAR), line, console=self._console, transient=True) as bar:
            yield Meter(self, partial(bar.update, bar.add_task("", total=None, line="")))

    @contextmanager
    def transfer(self, name: str, size: int | None) -> Iterator[Callable[[int], None]]:
        """Yield what shows how many bytes of the file ``name`` are here while the block runs; ``size`` may be None."""
        if size is not None and size < _LARGE:
            yield lambda _: None
            return
        begun = time.monotonic()
        with self.progress() as meter:
            meter.wait()
            yield lambda done: meter.show(Transfer(name=name, done=done, total=size, elapsed=time.monotonic() - begun))


class Meter:
    """What takes snapshots as often as one likes and shows them as often as is useful."""

    def __init__(self, log: Log, update: Callable[..., None] | None) -> None:
        self._log = log
        self._update = update
        self._last = float("-inf")

    def wait(self) -> None:
        """Have what is short over before a line says anything of it, where there is no terminal."""
        self._last = time.monotonic()

    def show(self, snapshot: Snapshot | Transfer) -> None:
        """Show ``snapshot`` now, or, without a terminal, only if the last line is 15 seconds old."""
        if self._update is not None:
            self._update(total=snapshot.total, completed=snapshot.done, line=snapshot.line())
        elif time.monotonic() - self._last >= _PLAIN_EVERY:
            self._last = time.monotonic()
            self._log.say(snapshot.line())
