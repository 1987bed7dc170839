"""Calls ``plan --against FILE``: what this matrix.yaml changes in the plan of another.

That other file is mostly an older one, of another branch. One that today's factory cannot read says nothing of this
matrix.yaml, so it is no failure: what is wrong with it is said, and what is planned now.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from factory.cli import context, jobpage
from factory.cli.typed import MATRIX
from factory.errors import MatrixError, SelectorError, UsageError
from factory.matrix import difference, page, selector
from factory.matrix.difference import Side
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Matrix, Planned, State
from factory.output.console import Console
from factory.output.log import Log


def against(arguments: argparse.Namespace, matrix: Matrix) -> int:
    """Print what changes, and nothing else; return the exit status.

    Raises UsageError where FILE is not there or more was asked for.
    """
    if arguments.json or arguments.jobs or arguments.published:
        raise UsageError(
            "--against does not go with --json, --jobs or --published", remedy="Leave them out, or --against."
        )
    name, former = str(arguments.against), _content(arguments.against)
    now = _planned(arguments, matrix, matrix)
    say = Log(Console()).say
    try:
        old_rules = load_matrix(former, name=name)
        before = Side(planned=_planned(arguments, old_rules, matrix), facts=difference.facts(former))
    except (MatrixError, SelectorError) as error:
        told = _counted(now)
        for line in (f"cannot be compared: {error.what}", *error.why, told):
            say(line)
        jobpage.add(page.incomparable(name, [error.what, *error.why], told))
        return 0
    found = difference.difference(before, Side(planned=now, facts=difference.facts(_content(MATRIX))))
    for line in difference.lines(found):
        say(line)
    jobpage.add(page.markdown(found, name))
    return 0


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read", why=[error.strerror or str(error)], remedy="Name another matrix.yaml."
        ) from error


def _planned(arguments: argparse.Namespace, of: Matrix, words: Matrix) -> tuple[Planned, ...]:
    """Return the cells ``of`` a matrix that were meant, whatever their state; ``words`` knows the tokens."""
    asked = selector.parse(arguments.selector, words)
    return tuple(row for row in context.expand(arguments, of) if asked.accepts(row))


def _counted(planned: tuple[Planned, ...]) -> str:
    counts = Counter(row.state for row in planned)
    return "planned now: " + ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])
