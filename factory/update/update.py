"""Open one issue for each new thing, never two.

An issue that says it is about the same thing, open or closed, means that it is done. A request whose answer was
lost may have opened one, so all issues are listed again before anything else is tried. Two runs at once may both
open one; each looks again when it is through, and closes those of its own that have an older one beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from factory.errors import UpdateError
from factory.system.retry import RetryPolicy, TroubleError
from factory.update.issues import Issues
from factory.update.ledger import Issue, duplicates, holder
from factory.update.proposal import Proposal

_POLICY = RetryPolicy()


def update(
    proposals: Sequence[Proposal],
    *,
    issues: Issues,
    say: Callable[[str], object],
    policy: RetryPolicy = _POLICY,
) -> dict[str, int]:
    """Open the issues that are missing; return the number of the issue of each proposal, by its key.

    Raises UpdateError where GitHub kept failing or does not let us; what was opened stays.
    """
    opening = _Opening(proposals=proposals, issues=issues, say=say, policy=policy)
    opening.retried(opening.settle)
    if opening.made:
        opening.retried(opening.close_duplicates)
    return opening.numbers


def rehearse(proposals: Iterable[Proposal], *, listed: Iterable[Issue], say: Callable[[str], object]) -> None:
    """Tell ``say`` what ``update`` would do where ``listed`` are the issues there are, and do nothing."""
    there = tuple(listed)
    for proposal in proposals:
        held = holder(proposal, there)
        if held is None:
            say(f"update (dry run): would open {proposal.title!r}:\n\n{proposal.body}")
        else:
            say(f"update (dry run): {_held(proposal, held)}")


@dataclass(kw_only=True)
class _Opening:
    proposals: Sequence[Proposal]
    issues: Issues
    say: Callable[[str], object]
    policy: RetryPolicy
    numbers: dict[str, int] = field(default_factory=dict)
    made: list[Issue] = field(default_factory=list)

    def settle(self) -> None:
        """Look at all issues, and open what is missing."""
        listed = self.issues.listed()
        for proposal in self.proposals:
            if proposal.key in self.numbers:
                continue
            held = holder(proposal, [*listed, *self.made])  # what was just made may not be listed yet
            if held is None:
                self.open(proposal)
            else:
                self.numbers[proposal.key] = held.number
                self.say(f"update: {_held(proposal, held)}")

    def open(self, proposal: Proposal) -> None:
        """Open one issue."""
        number = self.issues.open(proposal.title, proposal.body)
        self.made.append(Issue(number=number, open=True, keys=(proposal.key,), trusted=True))
        self.numbers[proposal.key] = number
        self.say(f"update: opened #{number}: {proposal.title}")

    def close_duplicates(self) -> None:
        """Close what was opened here although somebody else had opened it just before."""
        for number, older in self.duplicates().items():
            self.issues.close_duplicate(number, of=older)
            self.numbers = {key: older if held == number else held for key, held in self.numbers.items()}
            self.say(f"update: closed #{number}, for #{older} is about the same")

    def duplicates(self) -> dict[int, int]:
        """Return those of our issues that have an older one, with the number of that one."""
        return duplicates(self.issues.listed(), {issue.number for issue in self.made})

    def retried(self, attempt: Callable[[], None]) -> None:
        """Try until an attempt ends well, or as often in a row as patience has it without an issue opened.

        Raises UpdateError when it was often enough.
        """
        try:
            self.policy.persist(
                attempt, say=lambda line: self.say(f"update: {line}"), progress=lambda: len(self.numbers)
            )
        except TroubleError as trouble:
            raise UpdateError(
                "not every issue could be opened",
                why=[str(trouble)],
                remedy="Those that were opened stay. Later, again: nox -s update",
            ) from trouble


def _held(proposal: Proposal, issue: Issue) -> str:
    state = "open" if issue.open else "closed"
    about = "it" if proposal.key in issue.keys else "what was there before it"
    return f"{proposal.title}: #{issue.number} is about {about} ({state})"
