"""What a release is made of, as wanted and as seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class File:
    """A file to publish: its size in bytes, its sha256, and its content where that is small enough to hold."""

    name: str
    size: int
    sha256: str
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file that a release lists: its size in bytes.

    ``sha256`` is None where GitHub does not say it; ``created`` is in UTC.
    """

    id: int
    name: str
    size: int
    sha256: str | None
    finished: bool
    created: datetime = _EPOCH


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release as GitHub lists it."""

    id: int
    tag: str
    draft: bool
    immutable: bool
    body: str
    assets: tuple[Asset, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is there now.

    ``now`` is GitHub's clock, in UTC. ``broken`` are the names of uploads of ours that did not end well.
    ``texts`` are the contents of the lists that the release holds, by name.
    """

    release: Release | None
    now: datetime = _EPOCH
    broken: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What the release of ``tag`` is to hold. ``files`` are in the order of their upload.

    An unfinished asset counts as somebody's running upload for ``grace``, and as long as its bytes take at ``slowest``
    bytes a second. Of ``kernels`` the first published file of a name stays, whatever its digest.
    """

    tag: str
    title: str
    repository: str
    files: tuple[File, ...]
    grace: timedelta
    slowest: float
    kernels: bool = False

    def policy(self, size: int) -> timedelta:
        """Return how long an upload of ``size`` bytes may take, ``grace`` included."""
        return self.grace + timedelta(seconds=size / self.slowest)


def chosen(releases: tuple[Release, ...]) -> Release | None:
    """Return the one release of a tag that everybody uses: the published one, else the oldest draft.

    GitHub makes as many drafts of one tag as are asked for, so two publishers can make one each; both choose
    the lower id.
    """
    return min(releases, key=lambda release: (release.draft, release.id), default=None)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A complete release: the files sent now, and those that were there already."""

    tag: str
    new: tuple[File, ...]
    there: tuple[File, ...]
