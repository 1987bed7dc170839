"""Which proposals have an issue already, and which issues were opened twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from factory.update.proposal import Proposal


@dataclass(frozen=True, kw_only=True)
class Issue:
    """An issue that is about the things of ``keys``.

    ``trusted`` says that it is by somebody who may write here, or by a program that was let in: anybody else could
    hide a key in an issue, and with it what is new.
    """

    number: int
    open: bool
    keys: tuple[str, ...]
    trusted: bool


def holder(proposal: Proposal, issues: Iterable[Issue]) -> Issue | None:
    """Return the oldest issue because of which ``proposal`` gets none of its own."""
    holding = [issue for issue in issues if issue.trusted and any(_holds(issue, key, proposal) for key in issue.keys)]
    return min(holding, key=lambda issue: issue.number, default=None)


def duplicates(issues: Collection[Issue], made: Collection[int]) -> dict[int, int]:
    """Return those of the issues ``made`` that have an older one about the same thing, with the number of that one."""
    first: dict[str, int] = {}
    found = {}
    for issue in sorted(issues, key=lambda issue: issue.number):
        if not issue.trusted:
            continue
        for key in issue.keys:
            older = first.setdefault(key, issue.number)
            if older != issue.number and issue.number in made and issue.open:
                found[issue.number] = older
    return found


def _holds(issue: Issue, key: str, proposal: Proposal) -> bool:
    same_subject = key.rpartition(" ")[0] == proposal.subject
    return key == proposal.key or (proposal.alone and issue.open and same_subject)
