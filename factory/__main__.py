"""The command line: ``python -m factory VERB ...``; nox sessions of the same names call it.

Runs the verb, has errors printed, chooses the exit status.
"""

from __future__ import annotations

import argparse
import pkgutil
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from factory.cli import jobpage, typed
from factory.cli.parser import read
from factory.errors import DiskFullError, FactoryError
from factory.github.dryrun import rehearsing
from factory.output.spoken import spoken
from factory.system import streams, transfers
from factory.system.disk import FULL

_INTERRUPTED = 130
_UNREAD = 141  # as a shell says of what SIGPIPE ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status; every FactoryError, OSError and Ctrl-C is printed and becomes one."""
    streams.prepare()
    with spoken(typed.fitting):
        return _ended(argv)


def _ended(argv: Sequence[str] | None) -> int:
    name = "factory"
    try:
        with streams.flushed():
            arguments = read(argv)
            verb: Callable[[argparse.Namespace], int] = pkgutil.resolve_name(f"factory.cli.{arguments.run}")
            name = verb.__name__
            with rehearsing(dry_run=arguments.dry_run), transfers.shown(_transfer):
                return verb(arguments)
    except FactoryError as error:
        return _failed(name, error)
    except BrokenPipeError:
        return _UNREAD
    except OSError as error:
        full = error.errno in FULL
        failure = DiskFullError if full else FactoryError
        remedy = "Free some space, then again." if full else "Mend that, then again."
        return _failed(name, failure(str(error), remedy=remedy))
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what is finished is kept, the same command goes on from here\n")
        return _INTERRUPTED


def _transfer(name: str, size: int | None) -> AbstractContextManager[Callable[[int], None]]:
    """Show how a file comes, on standard error: what a verb answers stays alone on the other."""
    from factory.output.console import Console  # noqa: PLC0415 - rich is not needed where nothing comes
    from factory.output.log import Log  # noqa: PLC0415 - likewise

    return Log(Console(stderr=True)).transfer(name, size)


def _failed(verb: str, error: FactoryError) -> int:
    """Print what ended ``verb``, put it on the job's page, return the exit status."""
    from factory.cli.failure import print_error  # noqa: PLC0415 - rich is not needed where all is well

    print_error(error)
    jobpage.add_failure(verb, error)
    return error.status


if __name__ == "__main__":
    sys.exit(main())
