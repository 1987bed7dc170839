"""A proposal to renew the lock files, where they would hold something newer by now."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from packaging.version import Version

from factory.output.progress import counted
from factory.update.proposal import Lines, Proposal

_PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)", re.ASCII | re.MULTILINE)


def pins(text: str) -> dict[str, Version]:
    """Return what a lock file pins: by package the newest version, of those it has for several Pythons.

    Raises ``packaging``'s InvalidVersion where one is none.
    """
    found: dict[str, Version] = {}
    for pin in _PINNED.finditer(text):
        version = Version(pin["version"])
        found[pin["name"]] = max(version, found.get(pin["name"], version))
    return found


def proposal(before: Mapping[str, str], after: Mapping[str, str], days: int) -> Proposal | None:
    """Return a proposal to renew the locks ``before``, texts by file name, which resolved anew are ``after``.

    None where nothing in them is newer. What is older now stays unmentioned: it was taken before the index had had it
    for ``days``. Raises ``packaging``'s InvalidVersion where a version is none.
    """
    newer = sorted(set(_newer(before, after)))
    if not newer:
        return None
    digest = hashlib.sha256("\n".join(f"{name} {new}" for name, _, new in newer).encode()).hexdigest()
    return Proposal(
        subject="lock files",
        version=digest[:12],
        title=f"{counted(len(newer), 'package')} of the lock files can be renewed",
        found=tuple(f"{name} {new}, locked is {old}" for name, old, new in newer),
        lines=(Lines(place="In a clone, then commit what changes", text="nox -s lock", language="sh"),),
        checks=(
            f"What changed in each: all were on the index for {days} days at least.",
            "`nox -s lint tests`, and `nox -s e2e` where a wheel is built with one of them.",
        ),
        alone=True,
    )


def _newer(before: Mapping[str, str], after: Mapping[str, str]) -> Iterable[tuple[str, str, str]]:
    for file in sorted(before.keys() & after.keys()):
        old, new = pins(before[file]), pins(after[file])
        yield from ((name, str(old[name]), str(new[name])) for name in old.keys() & new.keys() if new[name] > old[name])
