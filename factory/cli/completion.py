"""Prints what makes a shell complete the entry point's verbs and options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from factory.cli.typed import COMMAND

SHELLS = ("bash", "tcsh", "zsh")


class PrintCompletion(argparse.Action):
    """The option that prints it and ends there."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        _namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        _option: str | None = None,
    ) -> None:
        """Print it for the shell ``values``. Raises SystemExit with status 0."""
        import shtab  # noqa: PLC0415 - asked for once in a machine's life

        parser.prog = COMMAND
        _mark_files(parser)
        sys.stdout.write(shtab.complete(parser, shell=str(values)))
        parser.exit()


def _mark_files(parser: argparse.ArgumentParser) -> None:
    """Tell which words of ``parser`` and its verbs are paths."""
    import shtab  # noqa: PLC0415 - likewise

    for action in parser._actions:  # noqa: SLF001 - argparse tells them no other way
        if action.type is Path:
            place = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE
            action.complete = place  # type: ignore[attr-defined]  # shtab's
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            for verb in action.choices.values():
                _mark_files(verb)
