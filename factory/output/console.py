"""The one kind of console: what it is given stays as it is, for ``:100:`` is a line of a file and ``[8.6]`` a list."""

from __future__ import annotations

from rich.console import Console as RichConsole

_PLAIN_WIDTH = 160  # characters


class Console(RichConsole):
    """A console that knows neither markup nor emoji, and leaves it to the program what a closed pipe means."""

    def __init__(self, *, stderr: bool = False, terminal: bool | None = None) -> None:
        super().__init__(stderr=stderr, force_terminal=terminal, markup=False, emoji=False, highlight=False)
        if not self.is_terminal:  # nothing says how wide it is; a table of cells fits
            self.width = _PLAIN_WIDTH

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError again, where rich would exit."""
        raise  # noqa: PLE0704 - rich calls this where it catches it
