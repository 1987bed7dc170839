"""A registry of container images on this machine: manifests by tag and digest, and tokens if it wants them."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.serving import serving

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = b'{"schemaVersion": 2,\n "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
TOKEN = "a.good-token"  # noqa: S105 - of this server

Answer = Callable[["Handler"], None]


class Registry(ThreadingHTTPServer):
    """Serves ``manifests`` (by ``repository:reference``); ``answers`` by path stand in for what it would say."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.manifests: dict[str, bytes] = {}
        self.answers: dict[str, Answer] = {}
        self.challenge = ""
        self.asked: list[tuple[str, str | None]] = []
        self.accepted = ""

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def wants_tokens(self, *, realm: str = "", more: str = ',scope="repository:team/image:pull"') -> None:
        realm = realm or f"http://{self.name}/token"
        self.challenge = f'Bearer realm="{realm}",service="the registry"{more}'


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked.append((self.path, self.headers["Authorization"]))
        if path in self.server.answers:
            self.server.answers[path](self)
        elif path == "/token":
            self.token()
        else:
            self.manifest(path)

    def do_CONNECT(self) -> None:
        self.server.asked.append((f"CONNECT {self.path}", None))
        self.say(b"", status=403)

    def token(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        known = query == {"service": ["the registry"], "scope": ["repository:team/image:pull"]}
        self.say(json.dumps({"token": TOKEN if known else "another"}).encode(), kind="application/json")

    def manifest(self, path: str) -> None:
        self.server.accepted = self.headers["Accept"]
        repository, _, reference = path.removeprefix("/v2/").partition("/manifests/")
        body = self.server.manifests.get(f"{repository}:{reference}")
        if self.server.challenge and self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.say(b"{}", status=401, more={"WWW-Authenticate": self.server.challenge})
        elif body is None:
            self.say(b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}', status=404)
        else:
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            self.say(body, kind=INDEX, more={"Docker-Content-Digest": digest})

    def say(
        self, body: bytes, *, status: int = 200, kind: str = "text/plain", more: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def wait(self) -> None:
        """Say nothing until the other side has gone."""
        self.wfile.flush()
        self.rfile.read(1)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def registry() -> Iterator[Registry]:
    """Run a registry that has ``team/image:tag``."""
    with serving(Registry()) as server:
        server.manifests["team/image:tag"] = MANIFEST
        yield server
