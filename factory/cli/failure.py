"""Prints errors: nothing else of the factory does."""

from __future__ import annotations

from factory.cli import jobpage
from factory.errors import FactoryError
from factory.output import annotation
from factory.output.console import Console
from factory.system import streams


def print_error(error: FactoryError) -> None:
    """Say what happened, why, and what to type next."""
    console = Console(stderr=True)
    with streams.forgiving():
        console.print(f"error: {error.what}", style="bold red", soft_wrap=True)
        for line in error.why:
            console.print(f"  {line}", soft_wrap=True)
        if error.remedy:
            console.print(error.remedy, style="bold", soft_wrap=True)


def tell(verb: str, error: FactoryError) -> None:
    """Say what kept a part of what ``verb`` does from being done, while the rest goes on; a job shows it beside it."""
    print_error(error)
    jobpage.annotate(annotation.of_failure(verb, error))
