"""What a repository's settings say of who may run and publish there; reading them takes a right to administer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from github import GithubException

from factory.errors import FactoryError, UsageError
from factory.github.client import Client

ENVIRONMENTS = ("publish", "github-pages")


@dataclass(frozen=True, kw_only=True)
class OwnRunner:
    """A self-hosted runner of the repository; ``ephemeral`` is None where GitHub does not say."""

    name: str
    ephemeral: bool | None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings that no file holds.

    ``approval`` is GitHub's word for whose pull requests wait for an approval. ``deploying`` are by environment the
    patterns of branches and tags that may deploy to it; None where every branch may, or there is no environment yet.
    """

    approval: str
    runners: tuple[OwnRunner, ...]
    deploying: Mapping[str, tuple[str, ...] | None]


class SettingsReader(Client):
    """Reads settings. Source of paths and fields: GitHub's OpenAPI description, to which the tests hold them."""

    refusal: ClassVar[type[FactoryError]] = UsageError
    scope: ClassVar[str] = "administration: read, environments: read"

    def read(self) -> Settings:
        """Return the settings. Raises TroubleError, or UsageError where the token may not see them."""
        with self._asking("reading the settings", missing="repository"):
            approval = self._get("actions/permissions/fork-pr-contributor-approval", "approval_policy")
            runners = self._get("actions/runners?per_page=100", "runners")
            return Settings(
                approval=str(approval),
                runners=tuple(OwnRunner(name=str(one["name"]), ephemeral=one.get("ephemeral")) for one in runners),
                deploying={name: self._deploying(name) for name in ENVIRONMENTS},
            )

    def _deploying(self, environment: str) -> tuple[str, ...] | None:
        try:
            policy = self._get(f"environments/{environment}", "deployment_branch_policy")
        except GithubException as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        if policy is None:
            return None
        if policy["protected_branches"]:
            return ("protected branches",)
        path = f"environments/{environment}/deployment-branch-policies?per_page=100"
        listed = self._get(path, "branch_policies")
        return tuple(f"{one.get('type', 'branch')} {one['name']}" for one in listed)

    def _get(self, path: str, field: str) -> Any:  # noqa: ANN401 - whatever JSON can hold
        """Return a field of an answer. Raises TypeError where what answers is not GitHub, as ``_asking`` says it."""
        _, answer = self._github.requester.requestJsonAndCheck("GET", f"/repos/{self.name}/{path}")
        if not isinstance(answer, dict) or field not in answer:
            msg = f"{path} has no {field}"
            raise TypeError(msg)
        return answer[field]
