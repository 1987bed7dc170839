"""One run of a workflow: what all its jobs share."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.rehearsal.artifacts import Artifacts
from tests.rehearsal.caches import Caches
from tests.rehearsal.language import Language, Scope, Status
from tests.rehearsal.permissions import Permissions


@dataclass(frozen=True, kw_only=True)
class Event:
    """What starts the run: its name, and the inputs that a person typed."""

    name: str
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Source:
    """The repository: a bare clone at ``path``, the commit and branch that run, its name ``OWNER/NAME``."""

    path: Path
    sha: str
    branch: str
    repository: str

    @property
    def name(self) -> str:
        return self.repository.partition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Forge:
    """The GitHub of this run.

    ``token`` makes a token for a job; ``publish`` serves a folder as the repository's Pages, at the address ``pages``.
    """

    api: str
    server: str
    token: Callable[[Permissions], str]
    pages: str
    publish: Callable[[Path], None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A job that came to an end; ``seconds`` is its time on this machine."""

    name: str
    result: str
    seconds: float


@dataclass(kw_only=True)
class Run:
    """A run in the folder ``work``; what is worth keeping goes to ``out``. ``say`` prints a line of progress."""

    language: Language
    source: Source
    forge: Forge
    event: Event
    work: Path
    out: Path
    caches: Caches
    say: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.artifacts = Artifacts(self.work / "artifacts")
        self.attested = self.work / "attested"  # of what, by which workflow of which commit, a line for each
        self.attested.touch()
        self.programs = self.work / "programs"
        self.programs.mkdir()
        self.out.mkdir(parents=True, exist_ok=True)
        (self.work / "event.json").write_text(json.dumps(self.payload()))

    def tell(self, what: str) -> None:
        """Print a line with the time since the start."""
        minutes, seconds = divmod(int(time.monotonic() - self.started), 60)
        self.say(f"{minutes:3}:{seconds:02}  {what}")

    def slug(self, name: str) -> str:
        """Give a file name for a job that is no other job's."""
        slug = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-")
        names = (slug, *(f"{slug}-{number}" for number in range(2, 1000)))
        return next(one for one in names if not (self.out / one).exists())

    def payload(self) -> dict[str, Any]:
        """Give ``github.event``."""
        owner, name = self.source.repository.split("/")
        address = f"{self.forge.server}/{self.source.repository}"
        repository = {"name": name, "full_name": self.source.repository, "owner": {"login": owner}, "fork": False}
        payload: dict[str, Any] = {
            "ref": f"refs/heads/{self.source.branch}",
            "repository": {**repository, "default_branch": self.source.branch, "html_url": address, "private": False},
            "sender": {"login": owner},
        }
        if self.event.name == "workflow_dispatch":
            payload["inputs"] = dict(self.event.inputs)
        return payload

    def github(self, workflow: str, job: str, token: str) -> dict[str, Any]:
        """Give the context ``github`` of a job; ``workflow`` is the file that the run began with."""
        owner = self.source.repository.partition("/")[0]
        ref = f"refs/heads/{self.source.branch}"
        return {
            "action": "",
            "action_path": "",
            "actor": owner,
            "actor_id": "1",
            "api_url": self.forge.api,
            "base_ref": "",
            "event": self.payload(),
            "event_name": self.event.name,
            "event_path": str(self.work / "event.json"),
            "head_ref": "",
            "job": job,
            "ref": ref,
            "ref_name": self.source.branch,
            "ref_protected": False,
            "ref_type": "branch",
            "repository": self.source.repository,
            "repository_id": "1",
            "repository_owner": owner,
            "repository_owner_id": "1",
            "retention_days": "90",
            "run_attempt": "1",
            "run_id": "1",
            "run_number": "1",
            "server_url": self.forge.server,
            "sha": self.source.sha,
            "token": token,
            "triggering_actor": owner,
            "workflow": workflow,
            "workflow_ref": f"{self.source.repository}/{workflow}@{ref}",
            "workflow_sha": self.source.sha,
        }

    def scope(self, contexts: Mapping[str, Any], status: Status | None = None) -> Scope:
        return Scope(language=self.language, contexts=contexts, status=status or Status())


def variables(github: Mapping[str, Any]) -> dict[str, str]:
    """Give the ``GITHUB_`` variables of a job."""
    left_out = {"event", "token", "action_path"}
    told = {name: value for name, value in github.items() if name not in left_out}
    return {f"GITHUB_{name.upper()}": str(value) if value is not False else "false" for name, value in told.items()}
