"""Puts what a verb did onto the page of the GitHub job it runs in, and beside it, if it runs in one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from factory.errors import FactoryError
from factory.output import annotation, failure, githubjob
from factory.output.annotation import Annotation
from factory.output.spoken import fitted
from factory.system import streams


def add(page: str) -> None:
    """Add ``page``; where that cannot be, a line says so and the work goes on."""
    githubjob.append(fitted(page), os.environ, _write)


def add_failure(verb: str, error: FactoryError) -> None:
    """Add what ended ``verb``, why, and what to do, as ``add`` and ``annotate`` do."""
    add(failure.markdown(verb, error))
    annotate(annotation.of_failure(verb, error))


def annotate(annotations: Iterable[Annotation]) -> None:
    """Have GitHub show ``annotations``, by standard error: what a verb answers stays alone on the other."""
    annotation.annotate(annotations, os.environ, _write)


def _write(line: str) -> None:
    with streams.forgiving():
        sys.stderr.write(f"{line}\n")
