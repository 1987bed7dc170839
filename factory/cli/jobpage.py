"""Puts what a verb did onto the page of the GitHub job it runs in, if it runs in one."""

from __future__ import annotations

import os
import sys

from factory.errors import FactoryError
from factory.output import failure, githubjob


def add(page: str) -> None:
    """Add ``page``; where that cannot be, a line says so and the work goes on."""
    githubjob.append(page, os.environ, lambda text: sys.stderr.write(f"{text}\n"))


def add_failure(verb: str, error: FactoryError) -> None:
    """Add what ended ``verb``, why, and what to do, as ``add`` does."""
    add(failure.markdown(verb, error))
