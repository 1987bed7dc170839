"""The newest release of an action, as its repository on GitHub has it."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC
from http import HTTPStatus

from github import GithubException

from factory.errors import UpdateError
from factory.github.address import API
from factory.github.client import Client
from factory.update.actions import Tag

_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_MOST_TAGS = 5  # a tag may name a tag, and so on


def newest(repository: str, *, token: str | None, api: str = API, silence: float = 20.0) -> Tag:
    """Return the tag of the release that GitHub shows as the latest, the commit it names, and when it came out.

    Pre-releases and drafts are never that. ``silence`` is in seconds and holds for the connection and for each
    silence after it. Raises TroubleError, or UpdateError where trying again does not help: there is no release, say.
    """
    with contextlib.closing(_Releases(repository, token=token, api=api, silence=silence)) as client:
        return client.newest()


class _Releases(Client):
    refusal = UpdateError
    scope = "contents: read"

    def newest(self) -> Tag:
        with self._asking(f"the latest release of {self.name}"):
            try:
                release = self._repository.get_latest_release()
                name, published = release.tag_name, release.published_at.astimezone(UTC)
                return Tag(name=name, commit=self._commit(name), published=published)
            except GithubException as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
                raise UpdateError(f"GitHub shows no latest release of {self.name}") from error

    def _commit(self, name: str) -> str:
        target = self._repository.get_git_ref(f"tags/{name}").object
        for _ in range(_MOST_TAGS):
            if target.type == "commit" and _COMMIT.fullmatch(target.sha):
                return target.sha
            target = self._repository.get_git_tag(target.sha).object
        raise ValueError(f"the tag {name} names no commit")
