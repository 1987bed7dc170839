"""How a help looks on a terminal: rich-argparse's colours, words and lines as they are without them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TextIO

from rich.console import Console
from rich.text import Text
from rich_argparse import RichHelpFormatter


class _Coloured(RichHelpFormatter):
    group_name_formatter = staticmethod(str)
    help_markup = text_markup = False  # ``[8.6]`` is a list

    def _rich_fill_text(self, text: Text, width: int, indent: Text) -> Text:
        """Wrap what does not begin with a space, as the plain help does."""
        filled = Text()
        for line in text.split("\n"):
            wrapped = line if line.plain.startswith(" ") else super()._rich_fill_text(line, width, indent)
            wrapped.rstrip()
            filled += wrapped + "\n"
        return filled + "\n"


def formatter(to: TextIO) -> Callable[..., RichHelpFormatter]:
    """Return what makes the help's formatter, for the terminal ``to``; ``NO_COLOR`` holds."""
    return partial(_Coloured, console=Console(file=to))
