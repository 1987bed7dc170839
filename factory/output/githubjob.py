"""What a step of a workflow hands to later jobs: lines ``NAME=VALUE``, added to the file GitHub names GITHUB_OUTPUT."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path


def add(path: Path, values: Mapping[str, str]) -> None:
    """Add ``values``, each of one line, to the file at ``path``. Raises OSError where it cannot be written."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())


VARIABLE = "GITHUB_STEP_SUMMARY"
LIMIT = 1024 * 1024  # bytes
_CUT = "\n\n> Cut here: GitHub shows 1 MiB of a step's summary. The rest is in the step's log.\n"
_OPEN, _CLOSE = "<details>", "\n</details>"
_RESERVE = 512  # bytes for what closes a page that is cut


def append(page: str, env: Mapping[str, str], say: Callable[[str], object]) -> None:
    """Add ``page`` to the job's page, if there is one.

    What GitHub would not take is cut off after a whole line, and the page says so. A page that cannot be written
    is no failure: a line says why.
    """
    named = env.get(VARIABLE)
    if not named:
        return
    path = Path(named)
    try:
        room = LIMIT - (path.stat().st_size if path.exists() else 0)
        with path.open("ab") as sink:
            sink.write(_fitting(f"{page}\n".encode(errors="replace"), room))
    except (OSError, ValueError) as error:
        say(f"the job's summary cannot be written to {named}: {error}")


def _fitting(page: bytes, room: int) -> bytes:
    """Return ``page``, or as many whole lines of it as there is ``room`` for in bytes, with a word on that."""
    if len(page) <= room - _RESERVE:
        return page
    if room <= _RESERVE:
        return b""
    kept = page[: room - _RESERVE]
    text = kept[: kept.rfind(b"\n") + 1].decode()
    unclosed = text.count(_OPEN) - text.count(_CLOSE.strip())
    return f"{text.rstrip()}{_CLOSE * unclosed}{_CUT}".encode()
