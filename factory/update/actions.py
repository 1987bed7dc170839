"""Proposals for newer releases of the actions that the workflows use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from packaging.version import Version

from factory.update.proposal import Lines, Proposal

# actions/checkout@COMMIT # v7.0.1
_USES = re.compile(
    r"^\s*(?:-\s+)?uses:\s*(?P<name>[\w.-]+/[\w./-]+)@(?P<commit>[0-9a-f]{40})\s+#\s*(?P<version>v?\d[\d.]*)\s*$",
    re.ASCII | re.MULTILINE,
)
_TAG = re.compile(r"v?\d+(\.\d+){0,3}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Action:
    """An action as the workflows pin it: ``actions/checkout``, or ``owner/name/path``; its version and commit."""

    name: str
    version: str
    commit: str

    @property
    def repository(self) -> str:
        """``owner/name``."""
        return "/".join(self.name.split("/")[:2])


@dataclass(frozen=True, kw_only=True)
class Tag:
    """The tag of a release, the commit that it names, and when it was ``published``, in UTC."""

    name: str
    commit: str
    published: datetime


def pins(workflow: str) -> tuple[Action, ...]:
    """Return the actions that the text of a workflow, or of an action, uses by commit, with their version beside it."""
    return tuple(Action(**found.groupdict()) for found in _USES.finditer(workflow))


def proposal(used: Iterable[Action], newest: Tag) -> Proposal | None:
    """Return a proposal of ``newest`` for those actions of one repository that are older; None where none is.

    Raises ValueError where its tag, or the version of one of them, is no version to compare with.
    """
    released = _version(newest.name)
    older = [pin for pin in used if _version(pin.version) < released]
    if not older:
        return None
    repository = older[0].repository
    return Proposal(
        subject=f"action {repository}",
        version=newest.name,
        title=f"{repository} {newest.name} is released",
        found=(
            f"The newest release of https://github.com/{repository} is `{newest.name}`, of commit `{newest.commit}`.",
            *(f"Pinned is {pin.name} `{pin.version}`, commit `{pin.commit}`." for pin in older),
        ),
        lines=(
            Lines(place="Everything under .github, in place of the older ones", text=_uses(older, newest)),
            Lines(place="factory/data/actions.toml, likewise", text=_rows(older, newest), language="toml"),
        ),
        checks=(
            f"What has changed: https://github.com/{repository}/releases, above all of inputs and outputs.",
            "`seen`: a repository of another owner that pins that version to that commit; a test wants two of them.",
            "That the commit is on a branch of that repository, not of a fork of it.",
            "`nox -s lint` and `nox -s rehearse`.",
        ),
    )


def _uses(older: Iterable[Action], newest: Tag) -> str:
    return "".join(f"uses: {pin.name}@{newest.commit} # {newest.name}\n" for pin in older)


def _rows(older: Iterable[Action], newest: Tag) -> str:
    return "\n".join(
        f'[[actions]]\nname = "{pin.name}"\nversion = "{newest.name}"\ncommit = "{newest.commit}"\n'
        f'seen = ["{pin.repository} refs/tags/{newest.name}"]\n'
        for pin in older
    )


def _version(tag: str) -> Version:
    if not _TAG.fullmatch(tag):
        raise ValueError(f"{tag[:40]!r} is no version")
    return Version(tag)
