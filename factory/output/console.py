"""The one kind of console: what it is given stays as it is, for ``:100:`` is a line of a file and ``[8.6]`` a list."""

from __future__ import annotations

from typing import Any

from rich.console import Console as RichConsole
from rich.text import Text

from factory.output.spoken import fitted

_PLAIN_WIDTH = 160  # characters


class Console(RichConsole):
    """A console that knows neither markup nor emoji, and leaves it to the program what a closed pipe means."""

    def __init__(self, *, stderr: bool = False, terminal: bool | None = None) -> None:
        super().__init__(stderr=stderr, force_terminal=terminal, markup=False, emoji=False, highlight=False)
        if not self.is_terminal:  # nothing says how wide it is; a table of cells fits
            self.width = _PLAIN_WIDTH

    def print(self, *objects: Any, **named: Any) -> None:  # noqa: ANN401 - as rich has them
        """Print ``objects``, the commands that texts among them name as a person here types them."""
        super().print(*map(_fitted, objects), **named)

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError again, where rich would exit."""
        raise  # noqa: PLE0704 - rich calls this where it catches it


def _fitted(shown: Any) -> Any:  # noqa: ANN401 - whatever rich prints
    if isinstance(shown, str):
        return fitted(shown)
    if not isinstance(shown, Text) or fitted(shown.plain) == shown.plain:
        return shown
    pieces = shown.divide(sorted({at for span in shown.spans for at in (span.start, span.end)}))
    made = Text(style=shown.style)
    for piece in pieces:
        made.append(fitted(piece.plain))
        for span in piece.spans:
            made.stylize(span.style, len(made) - len(fitted(piece.plain)))
    return made
