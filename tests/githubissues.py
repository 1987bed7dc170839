"""Issues, and the newest releases of other repositories, for ``tests.githubserver``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.githubstore import REPOSITORY, octocat


@dataclass(kw_only=True)
class StoredIssue:
    number: int
    title: str
    body: str
    state: str = "open"
    reason: str | None = None
    association: str = "OWNER"
    by_program: bool = False

    def plain(self, api: str) -> dict[str, Any]:
        url = f"{api}/repos/{REPOSITORY}/issues/{self.number}"
        links = {f"{name}_url": f"{url}/{name}" for name in ("comments", "events")}
        return links | {
            "url": url,
            "html_url": f"https://github.com/{REPOSITORY}/issues/{self.number}",
            "repository_url": f"{api}/repos/{REPOSITORY}",
            "labels_url": f"{url}/labels{{/name}}",
            "id": 1_000_000 + self.number,
            "node_id": f"I_{self.number}",
            "number": self.number,
            "title": self.title,
            "body": self.body,
            "state": self.state,
            "state_reason": self.reason,
            "author_association": self.association,
            "user": octocat("Bot" if self.by_program else "User"),
            "labels": [],
            "assignee": None,
            "milestone": None,
            "locked": False,
            "comments": 0,
            "created_at": "2026-11-23T12:00:00Z",
            "updated_at": "2026-11-23T12:00:00Z",
            "closed_at": None if self.state == "open" else "2026-11-23T12:00:00Z",
        }


@dataclass(frozen=True, kw_only=True)
class StoredTag:
    """The tag of a repository's latest release; ``annotated`` is the tag object between it and its commit."""

    name: str
    commit: str
    annotated: str = ""

    def reference(self, api: str, repository: str) -> dict[str, Any]:
        url = f"{api}/repos/{repository}/git"
        kind, sha = ("tag", self.annotated) if self.annotated else ("commit", self.commit)
        return {
            "ref": f"refs/tags/{self.name}",
            "node_id": "REF_1",
            "url": f"{url}/refs/tags/{self.name}",
            "object": {"type": kind, "sha": sha, "url": f"{url}/{kind}s/{sha}"},
        }

    def plain(self, api: str, repository: str) -> dict[str, Any]:
        url = f"{api}/repos/{repository}/git"
        return {
            "node_id": "TA_1",
            "tag": self.name,
            "sha": self.annotated,
            "url": f"{url}/tags/{self.annotated}",
            "message": "a release",
            "tagger": {"name": "octocat", "email": "octocat@github.com", "date": "2026-11-23T12:00:00Z"},
            "object": {"type": "commit", "sha": self.commit, "url": f"{url}/commits/{self.commit}"},
        }
