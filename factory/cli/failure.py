"""Prints errors: nothing else of the factory does."""

from __future__ import annotations

from factory.errors import FactoryError
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
