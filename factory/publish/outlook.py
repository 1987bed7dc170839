"""What steps come to, before they are taken: files, bytes, and the time that GitHub's pace alone will take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from factory.github.ratelimit import Limits, least_seconds
from factory.output.progress import counted, duration, short
from factory.publish.steps import Create, Publish, Step, Upload

_WORTH_SAYING = 60.0  # seconds of pace; below it the line is what decides


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """So many files of so many bytes in all to send, and changes to make, uploads among them."""

    files: int = 0
    size: int = 0
    changes: int = 0

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Outlook:
        """Return what ``steps`` come to."""
        kept = list(steps)
        sizes = [step.file.size for step in kept if isinstance(step, Upload)]
        changes = sum(isinstance(step, Create | Upload | Publish) for step in kept)
        return cls(files=len(sizes), size=sum(sizes), changes=changes)

    def __add__(self, other: Outlook) -> Outlook:
        """Return what both come to."""
        return Outlook(
            files=self.files + other.files, size=self.size + other.size, changes=self.changes + other.changes
        )

    def line(self, limits: Limits) -> str:
        """Return it in words: ``12 files to send, 1.9 GB; GitHub's pace alone takes about 2m10s``."""
        seconds = least_seconds(self.changes, limits)
        pace = f"; GitHub's pace alone takes about {duration(seconds)}" if seconds >= _WORTH_SAYING else ""
        return f"{counted(self.files, 'file')} to send, {short(self.size)}{pace}"
