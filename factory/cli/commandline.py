"""An argument parser that groups its verbs, keeps examples as they are, and names what was probably meant."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

from factory.matrix.suggest import hint

Verbs: TypeAlias = "argparse._SubParsersAction[CommandParser]"  # noqa: SLF001 - argparse has no other name for it
_CHOICE = re.compile(r"invalid choice: '?([^' ]+)'? \(choose from (.*)\)")
_NAME = re.compile(r"[\w.-]+")


class _Formatter(argparse.HelpFormatter):
    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrap what does not begin with a space; lines that do are examples."""
        lines = (
            line if line.startswith(" ") else super(_Formatter, self)._fill_text(line, width, indent)
            for line in text.splitlines()
        )
        return "\n".join(lines)


class CommandParser(argparse.ArgumentParser):
    """What reads a verb's words, or the verb itself with its own parser behind it."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - as argparse has them
        super().__init__(**named, formatter_class=_Formatter)
        self._groups: Mapping[str, Sequence[str]] = {}
        self._verbs: Verbs | None = None

    def open_verbs(self, metavar: str, groups: Mapping[str, Sequence[str]]) -> Verbs:
        """Return where its verbs are added; ``groups`` holds their names by title, for the help.

        What is read of no verb has its parser as ``bare``.
        """
        self._groups = groups
        self._verbs = self.add_subparsers(metavar=metavar)
        self.set_defaults(bare=self)
        return self._verbs

    @property
    def verbs(self) -> dict[str, dict[str, CommandParser]]:
        """The parsers of its verbs by their names, in groups by title; empty where it has none."""
        known = {} if self._verbs is None else self._verbs.choices
        return {title: {name: known[name] for name in names} for title, names in self._groups.items()}

    def arguments(self) -> tuple[tuple[str, str], ...]:
        """Return what it takes beside a verb, each as it is typed, ``--profile NAME``, with its help."""
        formatter = self._get_formatter()
        mine = [action for action in self._actions if action is not self._verbs]
        return tuple(
            (formatter._format_action_invocation(action), formatter._expand_help(action))  # noqa: SLF001 - argparse tells them no other way
            for action in mine
            if action.help
        )

    def parse_known_args(  # type: ignore[override]  # typeshed has it generic in what it fills
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Return what ``args`` say. Raises SystemExit with status 2 for any that is not known."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}{self._meant(rest)}")
        return found, rest

    def print_help(self, file: Any = None) -> None:  # noqa: ANN401 - what argparse may write to
        """Print the help, in colours on a terminal."""
        to = file or sys.stdout
        if to.isatty():
            from factory.cli import helpcolours  # noqa: PLC0415 - rich is not needed where nobody sees it

            self.formatter_class = helpcolours.formatter(to)
        super().print_help(file)

    def error(self, message: str) -> NoReturn:
        """Print the usage, what is wrong, and what was probably meant. Raises SystemExit with status 2."""
        wrong = _CHOICE.search(message)
        if wrong and self._verbs is not None and wrong[1] not in self._verbs.choices:
            kind, meant = str(self._verbs.metavar).lower(), hint(wrong[1], self._verbs.choices)
            message = f"there is no {kind} {wrong[1]}{meant}; --help lists them"
        elif wrong:
            message += hint(wrong[1], _NAME.findall(wrong[2]))
        super().error(message)

    def format_help(self) -> str:
        """Return the help, verbs under the titles of their groups."""
        if self._verbs is None:
            return super().format_help()
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        listed = {action.dest: action for action in self._verbs._get_subactions()}  # noqa: SLF001 - argparse tells them no other way
        for title, names in self._groups.items():
            formatter.start_section(title)
            formatter.add_arguments([listed[name] for name in names])
            formatter.end_section()
        formatter.start_section("options")
        formatter.add_arguments([action for action in self._actions if action.option_strings])
        formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def _meant(self, words: Iterable[str]) -> str:
        options = [name for name in self._option_string_actions if name.startswith("--")]
        unknown = (word.partition("=")[0] for word in words if word.startswith("-"))
        return "".join(hint(word, options) for word in unknown)
