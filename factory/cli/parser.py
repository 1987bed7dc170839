"""Reads what was typed: verbs, selectors, options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from factory import __version__
from factory.cli import options, parsebuild, parsecheck, parserelease
from factory.cli.commandline import CommandParser
from factory.cli.completion import SHELLS, PrintCompletion
from factory.cli.typed import COMMAND, start

_GROUPS = {
    "build wheels": ("plan", "doctor", "build", "kernels", "pool", "image"),
    "check them": ("audit", "gpu_test", "prove", "reproduce", "diagnose"),
    "use and publish them": ("download", "publish", "index"),
    "keep the matrix": ("pin", "lock", "update"),
}
_BARE = 2  # as argparse ends what it does not understand


def parser() -> CommandParser:
    """Return the parser; what it parses has the verb to run as ``run``, by its place in ``factory.cli``."""
    made = CommandParser(
        prog=start(),
        description="Builds flash-attn wheels for a CUDA, torch, Python and C++ ABI.",
        epilog=f"{options.SELECTOR}\n\nVERB --help shows examples. Exit statuses: docs/exit-statuses.md.",
    )
    made.add_argument("--version", action="version", version=f"{COMMAND} {__version__}")
    about = f"print what makes SHELL complete {COMMAND}, and end: {', '.join(SHELLS)}"
    made.add_argument("--print-completion", action=PrintCompletion, choices=SHELLS, metavar="SHELL", help=about)
    verbs = made.open_verbs("VERB", _GROUPS)
    for part in (parsebuild, parsecheck, parserelease):
        part.add_verbs(verbs)
    return made


def read(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return ``argv`` parsed; an argument may hold several tokens of a selector, or none, as one that a workflow got
    may.

    Raises SystemExit (argparse's) with status 2 for what is not understood, and for no verb, after the help.
    """
    arguments = parser().parse_args(argv, argparse.Namespace(dry_run=False, run=""))
    if not arguments.run:
        arguments.bare.print_help(sys.stderr)
        raise SystemExit(_BARE)
    if "selector" in arguments:
        arguments.selector = " ".join(arguments.selector).split()
    return arguments
