"""The command line: ``python -m factory VERB ...``; nox sessions of the same names call it.

Runs the verb, has errors printed, chooses the exit status.
"""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable, Sequence

from factory.cli.context import print_error
from factory.cli.parser import parser
from factory.core.errors import DiskFullError, FactoryError

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and give its exit status."""
    arguments = parser().parse_args(argv)
    verb: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return verb(arguments)
    except FactoryError as error:
        print_error(error)
        return error.status
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        failure = DiskFullError if full else FactoryError
        print_error(failure(str(error), remedy="Free some space, then again." if full else "Mend that, then again."))
        return failure.status
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what is finished is kept, the same command goes on from here\n")
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
