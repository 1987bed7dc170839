"""GitHub's releases on this machine: stateful, held to GitHub's own description, as unreliable as it is told to be."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from re import fullmatch, sub
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests import githubsettings
from tests.githubissues import StoredIssue, StoredTag
from tests.githubstore import HOME, REPOSITORY, StoredAsset, StoredRelease
from tests.octokit import Exchange, description, violations
from tests.serving import serving

TOKEN = "ghp_not-a-real-token"  # noqa: S105 - of this server
FAULTS_OF_ANY = ("drop", "500", "503", "429", "403", "cut", "lost", "stored 500")
FAULTS_OF_UPLOADS = ("half", "502 starter", "502 open")
STALLS, STALLS_OF_UPLOADS = ("stall",), ("stall", "stall half")


class GithubServer(ThreadingHTTPServer):
    """Serves the releases of one repository.

    ``fault`` is asked before every request, and names what goes wrong with it; ``clock`` is the time it is.
    ``readers`` are further tokens, with which nothing may be written; ``home`` is where releases say they are
    downloaded from; ``site`` is what its Pages serve. ``wrong`` collects what must never happen, seen from here.
    """

    daemon_threads = True
    request_queue_size = 32

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.RLock()
        self.wrong: list[str] = []
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self.releases: dict[int, StoredRelease] = {}
            self.issues: dict[int, StoredIssue] = {}
            self.takes_issues = True
            self.readers: set[str] = set()
            self.approval = "first_time_contributors"
            self.runners: dict[str, bool | None] = {}
            self.environments: dict[str, tuple[str, ...] | None] = {}
            self.home = HOME
            self.site: Path | None = None
            self.tags: dict[str, StoredTag] = {}
            self.last = 0
            self.clock = datetime(2026, 11, 23, 12, tzinfo=UTC)
            self.fault: Callable[[str, str], str] = lambda _method, _path: ""
            self.freezes = False
            self.retry_after: dict[str, str] = {"Retry-After": "30"}
            self.requests: list[tuple[str, str]] = []
            self.peers: set[tuple[str, int]] = set()
            self.wrong.clear()

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_id(self) -> int:
        self.last += 1
        return self.last

    def sleep(self, seconds: float) -> None:
        """Let time pass for this server, and for nobody else."""
        with self.lock:
            self.clock += timedelta(seconds=seconds)

    def now(self) -> float:
        return self.clock.timestamp()

    def add(self, tag: str, *, draft: bool = True, body: str = "") -> StoredRelease:
        release = StoredRelease(id=self.next_id(), tag=tag, name=tag, body=body, draft=draft)
        self.releases[release.id] = release
        return release

    def add_issue(self, title: str, body: str) -> StoredIssue:
        issue = StoredIssue(number=self.next_id(), title=title, body=body)
        self.issues[issue.number] = issue
        return issue

    def put(self, release: StoredRelease, name: str, content: bytes, state: str = "uploaded") -> StoredAsset:
        asset = StoredAsset(
            id=self.next_id(),
            tag=release.tag,
            name=name,
            content=content,
            state=state,
            created=self.clock,
            home=self.home,
        )
        release.assets[asset.id] = asset
        return asset

    def public(self, tag: str) -> StoredRelease:
        (release,) = (one for one in self.releases.values() if one.tag == tag and not one.draft)
        return release

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up; what is wrong is collected in ``wrong``."""


class Refused(Exception):  # noqa: N818 - an answer
    def __init__(self, status: int, message: str = "Not Found", **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.said = {"message": message, "documentation_url": "https://docs.github.com/rest", **more}


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    kind: str = "application/octet-stream"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: GithubServer

    def handle_any(self) -> None:
        path = urlsplit(self.path).path
        with self.server.lock:
            self.server.requests.append((self.command, path))
            self.server.peers.add(self.client_address)
            fault = self.server.fault(self.command, path)
        before = getattr(self, f"fault_{fault.replace(' ', '_')}", None)
        if before is not None:
            before()
            return
        try:
            answer = self.answered()
        except Refused as refused:
            answer = Answer(refused.status, refused.said)
        except ConnectionError:
            return
        except Exception as error:  # noqa: BLE001 - the test that looks at ``wrong`` must hear of it
            self.server.wrong.append(f"{self.command} {self.path}: {error!r}")
            answer = Answer(500, {"message": "a mistake of the test's server"})
        self.send(answer, fault)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - names of http.server

    # What goes wrong before anything is done.

    def fault_drop(self) -> None:
        self.close_connection = True

    def fault_stall(self) -> None:
        self.close_connection = True
        self.connection.settimeout(10)
        with contextlib.suppress(OSError):
            while self.rfile.read1(1 << 16):
                pass

    def fault_500(self) -> None:
        self.refuse(500, "Server Error")

    def fault_503(self) -> None:
        self.refuse(503, "No server is currently available")

    def fault_429(self) -> None:
        self.refuse(429, "You have exceeded a secondary rate limit", self.server.retry_after)

    def fault_403(self) -> None:
        self.refuse(403, "You have exceeded a secondary rate limit", self.server.retry_after)

    def fault_403_forbidden(self) -> None:
        self.refuse(403, "Resource not accessible by integration")

    def fault_half(self) -> None:
        self.begin_upload("starter")
        self.close_connection = True

    def fault_stall_half(self) -> None:
        self.begin_upload("starter")
        self.fault_stall()

    def fault_502_starter(self) -> None:
        self.begin_upload("starter")
        self.refuse(502, "Bad Gateway")

    def fault_502_open(self) -> None:
        self.begin_upload("open")
        self.refuse(502, "Bad Gateway")

    def begin_upload(self, state: str) -> None:
        """Take half of what comes, and leave what GitHub leaves."""
        half = self.rfile.read(int(self.headers["Content-Length"]) // 2)
        with contextlib.suppress(Refused), self.server.lock:
            release, name = self.upload_target()
            self.server.put(release, name, half, state)

    def refuse(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self.close_connection = True
        self.send(Answer(status, {"message": message}, tuple((headers or {}).items())), "")

    # What is done.

    def answered(self) -> Answer:
        parts = urlsplit(self.path)
        if parts.path.startswith("/storage/"):
            return self.stored(int(parts.path.removeprefix("/storage/")))
        download = fullmatch(r"/(.+)/releases/download/([^/]+)/([^/]+)", unquote(parts.path))
        if download:
            return self.downloaded(*download.groups())
        if parts.path.startswith(f"/pages/{REPOSITORY}/"):
            return self.page_of_site(unquote(parts.path).removeprefix(f"/pages/{REPOSITORY}/"))
        self.authorise()
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        self.query = dict(query)
        if self.command == "POST" and parts.path.endswith("/assets"):
            body = b"(binary)"
            answer = self.uploaded()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.sent = json.loads(body) if body else {}
            with self.server.lock:
                answer = self.changed_or_read(parts.path)
        exchange = Exchange(
            method=self.command,
            path=parts.path,
            query=query,
            content_type=self.headers.get("Content-Type", ""),
            body=body,
            status=answer.status,
            answered_type="application/json",
            answer=json.dumps(answer.body).encode() if answer.body is not None else b"",
        )
        with self.server.lock:
            self.server.wrong.extend(violations(exchange))
        return answer

    def authorise(self) -> None:
        """Let everybody read, and the owner of the token write and see drafts."""
        shown = self.headers.get("Authorization")
        self.trusted = shown == f"token {TOKEN}"
        if shown in {f"token {reader}" for reader in self.server.readers}:
            if self.command != "GET":
                self.close_connection = True
                raise Refused(403, "Resource not accessible by integration")
            shown = None
        if not self.trusted and (shown is not None or self.command != "GET"):
            self.close_connection = True
            raise Refused(401, "Bad credentials")
        if self.headers.get("X-GitHub-Api-Version") != "2022-11-28":
            self.server.wrong.append(f"{self.command} {self.path} names no version of the API")

    def changed_or_read(self, path: str) -> Answer:
        for method, pattern, act in self.ROUTES:
            match = fullmatch(rf"/repos/{REPOSITORY}{pattern}", path)
            if match and method == self.command:
                return act(self, *match.groups())
        for pattern, look in self.ELSEWHERE:
            match = fullmatch(rf"/repos/([\w-]+/[\w.-]+){pattern}", path)
            if match and match[1] in self.server.tags and self.command == "GET":
                return look(self, *match.groups())
        raise Refused(404)

    def listed(self) -> Answer:
        there = (release for release in self.all() if self.trusted or not release.draft)
        releases = sorted(there, key=lambda release: -release.id)
        return self.page([release.plain(self.server.api) for release in releases])

    def created(self) -> Answer:
        if not self.sent["draft"]:
            self.server.wrong.append("a release was made public before it was complete")
        release = self.server.add(self.sent["tag_name"])
        release.name, release.body = self.sent["name"], self.sent["body"]
        return Answer(201, release.plain(self.server.api))

    def by_tag(self, tag: str) -> Answer:
        for release in self.server.releases.values():
            if release.tag == tag and not release.draft:
                return Answer(200, release.plain(self.server.api))
        raise Refused(404)

    def one(self, number: str) -> Answer:
        return Answer(200, self.release(number).plain(self.server.api))

    def updated(self, number: str) -> Answer:
        release = self.release(number)
        if self.sent["draft"] and not release.draft:
            self.server.wrong.append(f"release {number} was hidden again")
        if any(one.tag == self.sent["tag_name"] and not one.draft and one is not release for one in self.all()):
            raise Refused(422, "Validation Failed", errors=[{"resource": "Release", "code": "already_exists"}])
        release.name, release.body, release.draft = self.sent["name"], self.sent["body"], self.sent["draft"]
        release.immutable = self.server.freezes
        return Answer(200, release.plain(self.server.api))

    def deleted(self, number: str) -> Answer:
        release = self.release(number)
        if release.assets or not release.draft:
            self.server.wrong.append(f"release {number} was removed and was not an empty draft")
        del self.server.releases[release.id]
        return Answer(204)

    def assets(self, number: str) -> Answer:
        return self.page([asset.plain(self.server.api) for asset in self.release(number).assets.values()])

    def asset(self, number: str) -> Answer:
        _, asset = self.held(int(number))
        if self.headers["Accept"] == "application/octet-stream":
            return Answer(302, headers=(("Location", f"{self.server.api}/storage/{asset.id}"),))
        return Answer(200, asset.plain(self.server.api))

    def removed(self, number: str) -> Answer:
        release, asset = self.held(int(number))
        if asset.state == "uploaded":
            self.server.wrong.append(f"the finished {asset.name} was removed")
        del release.assets[asset.id]
        return Answer(204)

    def settings(self, what: str) -> Answer:
        """Answer what only who administers the repository may ask."""
        if not self.trusted:
            raise Refused(403, "Resource not accessible by integration")
        match what.split("/"):
            case ["actions", "permissions", "fork-pr-contributor-approval"]:
                return Answer(200, {"approval_policy": self.server.approval})
            case ["actions", "runners"]:
                return Answer(200, githubsettings.runners(self.server.runners))
            case ["environments", name, *more] if name in self.server.environments:
                patterns = self.server.environments[name]
                form = githubsettings.policies if more else githubsettings.environment
                return Answer(200, form(name, patterns))
        raise Refused(404)

    def issues(self) -> Answer:
        """List as PyGithub asks: oldest first."""
        state = self.query.get("state", "open")
        there = sorted(self.server.issues.values(), key=lambda issue: issue.number)
        return self.page([issue.plain(self.server.api) for issue in there if state in {"all", issue.state}])

    def issue_opened(self) -> Answer:
        if not self.server.takes_issues:
            raise Refused(410, "Issues has been disabled in this repository.")
        issue = self.server.add_issue(self.sent["title"], self.sent["body"])
        return Answer(201, issue.plain(self.server.api))

    def issue(self, number: str) -> Answer:
        return Answer(200, self.issue_of(number).plain(self.server.api))

    def issue_changed(self, number: str) -> Answer:
        issue = self.issue_of(number)
        issue.state, issue.reason = self.sent["state"], self.sent["state_reason"]
        issue.body = self.sent["body"]
        return Answer(200, issue.plain(self.server.api))

    def issue_of(self, number: str) -> StoredIssue:
        if int(number) not in self.server.issues:
            raise Refused(404)
        return self.server.issues[int(number)]

    ROUTES = (
        ("GET", "/releases", listed),
        ("POST", "/releases", created),
        ("GET", "/releases/tags/(.+)", by_tag),
        ("GET", r"/releases/(\d+)", one),
        ("PATCH", r"/releases/(\d+)", updated),
        ("DELETE", r"/releases/(\d+)", deleted),
        ("GET", r"/releases/(\d+)/assets", assets),
        ("GET", r"/releases/assets/(\d+)", asset),
        ("DELETE", r"/releases/assets/(\d+)", removed),
        ("GET", "/((?:actions|environments)/.+)", settings),
        ("GET", "/issues", issues),
        ("POST", "/issues", issue_opened),
        ("GET", r"/issues/(\d+)", issue),
        ("PATCH", r"/issues/(\d+)", issue_changed),
    )

    def latest(self, repository: str) -> Answer:
        tag = self.server.tags[repository].name
        release = StoredRelease(id=1, tag=tag, name=tag, body="", draft=False).plain(self.server.api)
        return Answer(200, {**release, "published_at": "2025-11-01T12:00:00Z"})  # long before any test

    def reference(self, repository: str, name: str) -> Answer:
        tag = self.server.tags[repository]
        if name != tag.name:
            raise Refused(404)
        return Answer(200, tag.reference(self.server.api, repository))

    def tag(self, repository: str, sha: str) -> Answer:
        tag = self.server.tags[repository]
        if sha != tag.annotated:
            raise Refused(404)
        return Answer(200, tag.plain(self.server.api, repository))

    ELSEWHERE = (
        ("/releases/latest", latest),
        (r"/git/ref/tags/(\S+)", reference),
        (r"/git/tags/(\w+)", tag),
    )

    def uploaded(self) -> Answer:
        """Take an upload; while it runs, it is listed as what it is."""
        size = int(self.headers["Content-Length"])
        with self.server.lock:
            try:
                release, name = self.upload_target()
                asset = self.server.put(release, name, b"", "starter")
            except Refused:
                self.rfile.read(size)
                raise
        asset.content = self.rfile.read(size)
        with self.server.lock:
            if len(asset.content) < size:
                raise ConnectionResetError
            if asset.id not in release.assets:
                raise Refused(404)
            asset.state = "uploaded"
            return Answer(201, asset.plain(self.server.api))

    def upload_target(self) -> tuple[StoredRelease, str]:
        parts = urlsplit(self.path)
        match = fullmatch(rf"/repos/{REPOSITORY}/releases/(\d+)/assets", parts.path)
        release = self.release(match[1] if match else "0")
        name = sub(r"[^A-Za-z0-9._+-]", ".", dict(parse_qsl(parts.query))["name"])  # as GitHub renames
        if release.immutable:
            raise Refused(422, "Cannot upload assets to an immutable release.")
        if any(asset.name == name for asset in release.assets.values()):
            raise Refused(
                422,
                "Validation Failed",
                errors=[{"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}],
            )
        return release, name

    def stored(self, number: int) -> Answer:
        with self.server.lock:
            return Answer(200, content=self.held(number)[1].content)

    def downloaded(self, repository: str, tag: str, name: str) -> Answer:
        """Answer at the address for everybody, which no token belongs to."""
        if "Authorization" in self.headers:
            self.server.wrong.append(f"{self.path} was asked with a token")
        with self.server.lock:
            for release in self.all() if repository == REPOSITORY else ():
                for asset in release.assets.values():
                    if (release.tag, asset.name) == (tag, name) and not release.draft and asset.state == "uploaded":
                        return Answer(200, content=asset.content)
        raise Refused(404)

    def page_of_site(self, path: str) -> Answer:
        """Answer as Pages do."""
        file = (self.server.site or Path()) / path
        file = file / "index.html" if not path or path.endswith("/") else file
        if self.server.site is None or not file.is_file():
            raise Refused(404)
        return Answer(200, content=file.read_bytes(), kind=guess_type(file)[0] or "application/octet-stream")

    def all(self) -> list[StoredRelease]:
        return list(self.server.releases.values())

    def release(self, number: str) -> StoredRelease:
        if int(number) not in self.server.releases:
            raise Refused(404)
        return self.server.releases[int(number)]

    def held(self, number: int) -> tuple[StoredRelease, StoredAsset]:
        for release in self.all():
            if number in release.assets:
                return release, release.assets[number]
        raise Refused(404)

    # What is said.

    def page(self, items: list[Any]) -> Answer:
        size, number = int(self.query.get("per_page", 30)), int(self.query.get("page", 1))
        here = items[(number - 1) * size : number * size]
        path = urlsplit(self.path).path
        more = f'<{self.server.api}{path}?per_page={size}&page={number + 1}>; rel="next"'
        return Answer(200, here, (("Link", more),) if number * size < len(items) else ())

    def send(self, answer: Answer, fault: str) -> None:
        """Send an answer, or lose it on the way."""
        content = answer.content if answer.content is not None else b""
        if answer.body is not None:
            content = json.dumps(answer.body).encode()
        if fault == "stored 500":
            answer, content = Answer(500), b'{"message": "Server Error"}'
        if fault in {"lost", "cut", "stored 500"}:
            self.close_connection = True
        if fault == "lost":
            return
        self.send_response(answer.status)
        for name, value in (*answer.headers, ("Content-Length", str(len(content)))):
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.send_header("Content-Type", "application/json" if answer.content is None else answer.kind)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)

    def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002 - the name http.server calls
        return format_datetime(self.server.clock, usegmt=True)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def github_server() -> Iterator[GithubServer]:
    description()  # read before anybody waits for an answer
    with serving(GithubServer()) as server:
        yield server
