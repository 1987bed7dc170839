"""The issues of a repository on GitHub, as far as they say which new things they are about.

Nothing is repeated here: see ``factory.github.client``.
"""

from __future__ import annotations

from http import HTTPStatus

from github import GithubException
from github.Issue import Issue as GithubIssue

from factory.errors import UpdateError
from factory.github.client import Client
from factory.update.ledger import Issue
from factory.update.proposal import keys_in

_WRITERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_PROGRAM = "Bot"
_OPEN = "open"


class Issues(Client):
    """The issues of ``OWNER/NAME``.

    Every method raises UpdateError where the token may not do that or there is no such repository, and TroubleError
    where trying again may help.
    """

    refusal = UpdateError
    scope = "issues: write"

    def listed(self) -> tuple[Issue, ...]:
        """Return all issues, open and closed, that are about a new thing."""
        with self._asking(f"the issues of {self.name}", missing="wrong"):
            listed = self._repository.get_issues(state="all", sort="created", direction="asc")
            return tuple(_issue(one) for one in listed if keys_in(one.body or ""))

    def open(self, title: str, body: str) -> int:
        """Open an issue and return its number. GitHub opens as many of one title as are asked for.

        ``body`` is Markdown. Raises UpdateError also where the repository takes no issues.
        """
        with self._asking(f"the issue {title!r}", missing="wrong"):
            try:
                return self._repository.create_issue(title, body).number
            except GithubException as error:
                if error.status != HTTPStatus.GONE:
                    raise
                raise UpdateError(f"{self.name} takes no issues", remedy=_SWITCH_ON) from error

    def close_duplicate(self, number: int, *, of: int) -> None:
        """Close the issue ``number``, which is about the same thing as ``of``."""
        with self._asking(f"issue {number}"):
            issue = self._repository.get_issue(number)
            issue.edit(state="closed", state_reason="duplicate", body=f"The same as #{of}.\n\n{issue.body}")


_SWITCH_ON = "A fork has none at first: Settings, Features, Issues. Then: nox -s update"


def _issue(issue: GithubIssue) -> Issue:
    return Issue(
        number=issue.number,
        open=issue.state == _OPEN,
        keys=keys_in(issue.body or ""),
        trusted=issue.author_association in _WRITERS or getattr(issue.user, "type", None) == _PROGRAM,
    )
