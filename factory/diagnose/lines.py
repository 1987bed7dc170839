"""The lines of a log that are worth a look, out of bytes of any kind and any length, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

_WHOLE = 131_072  # bytes at either end of a log that are read line by line
_EACH = 8_000  # lines of such an end that are read: where lines have a letter each, not all of it
_MOST = 20_000  # lines looked at between them: a log that cries wolf more often than that has said it
_LONGEST = 1_048_576  # bytes of a line before it is cut in two; a compile command has a few thousand
_WIDTH = 8_192  # bytes of a longer line that are looked at: at its beginning, at its end, around a hook
_AHEAD = 400  # bytes of the lines below that a pattern may read on into
_SHARED = b"error"  # in several hooks, which are not looked for where this is not

# ECMA-48: control sequences, strings to the terminal (such as Buildkite's times); then what else cannot be printed.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]+")


class Line(NamedTuple):
    """A line without what cannot be printed, its number from 1, and the beginning of the lines below."""

    number: int
    text: str
    below: bytes

    @property
    def ahead(self) -> str:
        """The beginning of the lines below."""
        return clean(self.below.decode(errors="replace"))


def clean(text: str) -> str:
    """Return ``text`` without colours (ECMA-48), carriage returns and whatever else is not text."""
    return text.strip() if text.isprintable() else _CONTROLS.sub(" ", _ESCAPES.sub("", text)).strip()


def worth_a_look(blocks: Iterable[bytes], hooks: Sequence[bytes], foreign: Sequence[bytes]) -> Iterator[Line]:
    """Yield the lines at both ends of a log, and between them those that hold one of ``hooks``, which are lower case.

    ``foreign`` are hooks that are not ASCII.

    An end is 131,072 bytes and at most 8,000 lines; between them 20,000 lines are looked at, at most.
    """
    room, size, done, rows = _MOST, 0, 0, _EACH
    tail: list[tuple[int, bytes]] = []
    for number, body, after in _bodies(blocks):
        head = _first(rows, body[: max(0, _WHOLE - size)])
        rows -= head.count(b"\n")
        for line in _lines(number, head, body[len(head) :] + after):
            done = line.number
            yield line
        middle = number + head.count(b"\n")
        for line in islice(_hooked(middle, body[len(head) :], after, (*hooks, *foreign)), room):
            room -= 1
            yield line
        size += len(body)
        tail = _shortened([*tail, (number, body)])
    yield from (line for number, body in tail for line in _end(number, body) if line.number > done)


def _bodies(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes, bytes]]:
    """Cut ``blocks`` at ends of lines: the number of the first line, the lines, and what follows of the next."""
    number, carried = 1, b""
    for block in blocks:
        held = carried + block
        cut = held.rfind(b"\n", 0, max(0, len(held) - _AHEAD)) + 1
        if not cut and len(held) > _LONGEST:
            cut = len(held)
        body, carried = held[:cut], held[cut:]
        if body:
            yield number, body, carried[:_AHEAD]
            number += body.count(b"\n")
    if carried:
        yield number, carried, b""


def _shortened(tail: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Drop what is not needed to hold the last bytes of the log."""
    while len(tail) > 1 and sum(len(body) for _, body in tail[1:]) >= _WHOLE:
        tail = tail[1:]
    return tail


def _end(number: int, body: bytes) -> Iterator[Line]:
    """Yield the lines of the last bytes of ``body``, beginning with a whole one."""
    skipped = body.rfind(b"\n", 0, max(0, len(body) - _WHOLE)) + 1
    skipped += max(0, len(body) - skipped - sum(len(line) + 1 for line in body[skipped:].split(b"\n")[-_EACH:]))
    yield from _lines(number + body.count(b"\n", 0, skipped), body[skipped:], b"")


def _first(rows: int, body: bytes) -> bytes:
    """Return the first ``rows`` lines of ``body``."""
    return body if body.count(b"\n") <= rows else b"".join(line + b"\n" for line in body.split(b"\n")[:rows])


def _lines(number: int, body: bytes, after: bytes) -> Iterator[Line]:
    """Yield every line of ``body``."""
    held, start = body + after[:_AHEAD], 0
    while start < len(body):
        end = _line_end(body, start)
        for piece in (held[start : min(end, start + _WIDTH)], held[max(start + _WIDTH, end - _WIDTH) : end]):
            if piece.strip():
                yield _line(number, piece, held[end : end + _AHEAD])
        number, start = number + 1, end + 1


def _hooked(number: int, body: bytes, after: bytes, hooks: Sequence[bytes]) -> Iterator[Line]:
    """Yield the lines of ``body`` that hold one of ``hooks``."""
    low, counted = body.lower(), 0
    shared, plain = low.find(_SHARED), low.isascii()
    asked = (hook for hook in hooks if hook.isascii() or not plain)
    nearest = {hook: low.find(hook) for hook in asked if shared >= 0 or _SHARED not in hook}
    held = body + after if any(place >= 0 for place in nearest.values()) else b""
    while places := [place for place in nearest.values() if place >= 0]:
        place = min(places)
        start, end = low.rfind(b"\n", 0, place) + 1, _line_end(low, place)
        number, counted = number + low.count(b"\n", counted, start), start
        seen = max(start, place - _WIDTH // 2)
        yield _line(number, held[seen : min(end, seen + _WIDTH)], held[end : end + _AHEAD])
        nearest |= {hook: low.find(hook, end) for hook, at in nearest.items() if 0 <= at < end}


def _line_end(body: bytes, start: int) -> int:
    end = body.find(b"\n", start)
    return len(body) if end < 0 else end


def _line(number: int, raw: bytes, below: bytes) -> Line:
    return Line(number, clean(raw.decode(errors="replace")), below)
