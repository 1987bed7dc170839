"""What a publication came to: a release, and which of its files are new."""

from __future__ import annotations

from dataclasses import dataclass

from factory.core.release.parts import File


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A complete release: the files sent now, and those that were there already."""

    tag: str
    new: tuple[File, ...]
    there: tuple[File, ...]
