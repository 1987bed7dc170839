"""Why a build failed, from its log: what happened, the line that says so, and what to type next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from factory.diagnose import machine
from factory.diagnose.judge import Diagnosis
from factory.diagnose.machine import Settle


@dataclass(frozen=True, kw_only=True)
class Log:
    """A log: what it is called, and its bytes."""

    name: str
    blocks: Iterable[bytes]


def diagnose(log: Log, *, settle: Settle, cache: Path, peak: int, say: Callable[[str], None]) -> Diagnosis:
    """Return why the build that wrote ``log``, and whose compiles take ``peak`` bytes, failed; ``say`` is told it too.

    Raises UsageError where the log is a file that cannot be read.
    """
    found = machine.of_blocks(log.blocks, settle=settle, cache=cache, peak=peak)
    for line in lines(log.name, found):
        say(line)
    return found


def lines(name: str, found: Diagnosis) -> Iterator[str]:
    """Yield the lines that tell a person a diagnosis; ``name`` is that of the log."""
    yield f"{name}: {found.title}"
    yield found.what
    if found.evidence:
        yield f"  line {found.evidence.number}: {found.evidence.text}"
    yield f"Next: {found.next}"
