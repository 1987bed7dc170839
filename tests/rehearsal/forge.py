"""The local GitHub server as the GitHub of a run: releases and Pages at one address, a token for each job."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.githubserver import TOKEN, GithubServer, github_server
from tests.githubstore import REPOSITORY
from tests.rehearsal.permissions import Permissions, allows
from tests.rehearsal.run import Forge


@contextlib.contextmanager
def forge() -> Iterator[tuple[Forge, GithubServer]]:
    """Start the server; only a job with ``contents: write`` gets a token with which it may change anything."""
    with github_server() as server:
        server.home = server.api
        server.clock = datetime.now(UTC)

        def token(permissions: Permissions) -> str:
            if allows(permissions, "contents", "write"):
                return TOKEN
            reader = f"ghs_{secrets.token_hex(16)}"
            server.readers.add(reader)
            return reader

        def publish(site: Path) -> None:
            server.site = site

        pages = f"{server.api}/pages/{REPOSITORY}"
        yield Forge(api=server.api, server=server.api, token=token, pages=pages, publish=publish), server
