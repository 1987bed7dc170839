"""The three standard streams, as whoever started us left them: closed, unread, on a full disk, short of signs."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator

_STREAMS = ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w"))


def prepare() -> None:
    """Have all three; a closed one reads and takes nothing. Signs that a terminal lacks are shown as question marks.

    Else the next file that is opened would take the number of the closed one, and what is said would go into it.
    """
    for number, name, mode in _STREAMS:
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - positional only
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextlib.contextmanager
def flushed() -> Iterator[None]:
    """Have standard output take all that the block writes. Raises OSError where it does not; it is left alone then."""
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            _leave(1)
            raise


@contextlib.contextmanager
def forgiving() -> Iterator[None]:
    """Write to standard error in the block; where it takes nothing, the exit status has to do."""
    try:
        yield
        sys.stderr.flush()
    except OSError:
        _leave(2)


def _leave(number: int) -> None:
    """Let go what a stream still holds, or the interpreter complains of it once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
