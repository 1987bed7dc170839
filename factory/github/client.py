"""What the GitHub clients share: how a repository is asked, and what its refusals mean.

Nothing is repeated here but what only reads. A request that changes something may have been carried out although
its answer never came, so whoever asks looks again and goes on from what is there.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import ClassVar, TypeVar

from github import Auth, Github, GithubException
from github.GithubException import BadAttributeException

from factory.data import DATA
from factory.errors import FactoryError, PublishError, UnreachableError
from factory.github.address import API
from factory.github.githubsession import patient
from factory.github.ratelimit import Limits, asked_wait
from factory.system.download import root
from factory.system.retry import RetryPolicy, TroubleError

_VERSION = "2022-11-28"
_NAME = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", re.ASCII)
_TOKEN = re.compile(r"[!-~]+", re.ASCII)
_PAGE = 100
Read = TypeVar("Read")
# PyGithub's, on an answer that is no JSON or lacks what GitHub always says: a network that asks for a password first.
_STRANGE = (BadAttributeException, AssertionError, AttributeError, TypeError)


def limits() -> Limits:
    """Return what GitHub takes, as ``factory/data/github.toml`` has it."""
    return Limits(**tomllib.loads((DATA / "github.toml").read_text(encoding="utf-8"))["limits"])


class Client:
    """What asks about ``OWNER/NAME``, at the address ``api``.

    ``silence`` is in seconds and holds for the connection and for each silence after it. Without a token only
    what everybody may see is there, and nothing can be changed.

    It raises ``refusal`` for what is no repository or no token. Every method of those made of it raises TroubleError
    where trying again may help and ``refusal`` where it does not; ``scope`` is what a token needs.
    """

    refusal: ClassVar[type[FactoryError]] = PublishError
    scope: ClassVar[str] = "contents: write"

    def __init__(
        self, name: str, *, token: str | None, api: str = API, silence: float = 120.0, rules: Limits | None = None
    ) -> None:
        if not _NAME.fullmatch(name):
            raise self.refusal(f"{name!r} is no repository", remedy="Name one as OWNER/NAME.")
        self.name = name
        self.rules = rules or limits()
        self._session = patient(silence)
        self._github = Github(
            base_url=api,
            auth=self._auth(token),
            per_page=_PAGE,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=self.rules.seconds_between_writes,
            api_version=_VERSION,
            lazy=True,
        )
        self._repository = self._github.get_repo(name)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()
        self._github.close()

    def read_patiently(
        self, attempt: Callable[[], Read], policy: RetryPolicy, say: Callable[[str], object] = lambda _: None
    ) -> Read:
        """Return what ``attempt``, which only reads, gives. Raises UnreachableError where it kept failing."""
        try:
            return policy.persist(attempt, say=lambda line: say(f"github: {line}"))
        except TroubleError as trouble:
            raise UnreachableError(
                f"{self.name} cannot be read on GitHub",
                why=[str(trouble)],
                remedy="Try again when it answers; with a token in GITHUB_TOKEN it takes more requests.",
            ) from trouble

    @contextlib.contextmanager
    def _asking(self, what: str, *, missing: str = "") -> Iterator[None]:
        """Tell what may help by trying again from what does not; ``missing`` says that a 404 does not."""
        try:
            yield
        except GithubException as error:
            raise self._meant(what, error, missing=missing) from error
        except (OSError, ValueError, RuntimeError) as error:  # requests' own; an answer cut short; a redirect too far
            raise TroubleError(f"{what}: {root(error)}") from error
        except _STRANGE as error:
            raise TroubleError(f"{what}: what answers does not speak like GitHub") from error

    def _meant(self, what: str, error: GithubException, *, missing: str) -> Exception:
        said = _said(error)
        reason = f"{what}: GitHub answers {error.status} {said}".rstrip()
        wait = asked_wait(error.status, error.headers or {}, self.rules, said=said)
        if error.status == HTTPStatus.UNAUTHORIZED:
            return self.refusal("GitHub does not take the token", why=[reason], remedy=self._token_remedy())
        if error.status == HTTPStatus.FORBIDDEN and wait is None:
            return self.refusal(f"the token may not do that in {self.name}", why=[reason], remedy=self._token_remedy())
        if error.status == HTTPStatus.NOT_FOUND and missing:
            return self.refusal(f"there is no repository {self.name} that the token may see", why=[reason])
        return TroubleError(reason, wait=wait, unsure=error.status >= HTTPStatus.INTERNAL_SERVER_ERROR)

    def _auth(self, token: str | None) -> Auth.Token | None:
        """Take a token. One with other signs would be shown by the error of whoever refuses it later."""
        text = (token or "").strip()
        if not text:
            return None
        if not _TOKEN.fullmatch(text):
            raise self.refusal("GITHUB_TOKEN holds something that is no token", remedy=self._token_remedy())
        return Auth.Token(text)

    def _token_remedy(self) -> str:
        return f"Give one with `{self.scope}` on the repository in GITHUB_TOKEN."


def _said(error: GithubException) -> str:
    """Return GitHub's own words, fit for a terminal and short."""
    data = error.data if isinstance(error.data, dict) else {}
    errors = [
        str(one.get("message") or one.get("code") or one) for one in data.get("errors", []) if isinstance(one, dict)
    ]
    text = " ".join([str(data.get("message", "")), *errors]).strip()
    return "".join(sign if sign.isprintable() else " " for sign in text)[:300]
