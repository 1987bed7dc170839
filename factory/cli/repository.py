"""Which repository is meant, and where GitHub serves what it has published."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from factory.cli.typed import installed_from
from factory.errors import UsageError
from factory.github.address import API
from factory.kernels.kernels import Fetch
from factory.publish import remotepool
from factory.publish.remotepool import Remote
from factory.session import Session
from factory.system import process

_ON_GITHUB = re.compile(r"(?:https://|git@|ssh://git@)github\.com[:/](?P<name>[^/]+/[^/]+?)(?:\.git)?/?")
_SERVER = "https://github.com"


def needed(named: str | None) -> str:
    """Return ``OWNER/NAME``: as ``named``, else as ``known``. Raises UsageError where it is neither."""
    found = named or known()
    if found is None:
        raise UsageError("no repository is named", remedy="Name one: --repository OWNER/NAME")
    return found


def known() -> str | None:
    """Return ``OWNER/NAME``; None where nothing says it.

    Who has the factory as a package, as ``uvx --from git+https://github.com/OWNER/NAME`` has it, means the repository
    it is from, wherever that is typed. In a clone GitHub Actions says it, or the clone's origin.
    """
    return _installed_from() or os.environ.get("GITHUB_REPOSITORY") or _origin()


def _installed_from() -> str | None:
    """Return the repository on github.com that this was installed from (PEP 610)."""
    found = _ON_GITHUB.fullmatch(str(installed_from().get("url", "")))
    return found["name"] if found else None


def _origin() -> str | None:
    """Return this clone's origin where that is on github.com."""
    origin = process.run(["git", "remote", "get-url", "origin"], cwd=Path.cwd(), timeout=10).stdout.strip()
    found = _ON_GITHUB.fullmatch(origin)
    return found["name"] if found else None


def api() -> str:
    """Return the address of GitHub's API."""
    return _address("GITHUB_API_URL", API)


def home(repository: str) -> str:
    """Return the address of a repository's front page."""
    return f"{os.environ.get('GITHUB_SERVER_URL') or _SERVER}/{repository}"


def pages(repository: str) -> str:
    """Return where GitHub Pages serves a repository's site; on a server of one's own, that is below its address.

    Source: "Enabling subdomain isolation" of GitHub Enterprise Server's documentation, for servers without it.
    """
    server = _address("GITHUB_SERVER_URL", _SERVER)
    if server != _SERVER:
        return f"{server}/pages/{repository}"
    owner, _, name = repository.partition("/")
    return f"https://{owner.lower()}.github.io/{name}"


def remote_pool() -> Remote | None:
    """Return the releases that kernels may be fetched from; None where no repository is known, so that none is asked.

    This clone's origin goes first: where another repository calls ``wheel.yml``, GITHUB_REPOSITORY is the caller's,
    and the kernels that fit are those of the factory that was checked out.
    """
    server = _address("GITHUB_SERVER_URL", _SERVER)
    repository = (_origin() if server == _SERVER else None) or known()
    return Remote(repository=repository, server=server) if repository else None


def fetch(session: Session) -> Fetch | None:
    """Return what brings published kernels into the pool of ``session``, None where no repository is known."""
    remote = remote_pool()
    return None if remote is None else partial(remotepool.take, remote=remote, session=session)


def _address(variable: str, usual: str) -> str:
    """Return the address in ``variable``. Raises UsageError where that holds something else."""
    named = os.environ.get(variable) or usual
    try:
        parts = urlsplit(named)
        sound = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or True)
    except ValueError:
        sound = False
    if not sound:
        raise UsageError(f"{variable} is no address", why=[named], remedy=f"Leave it out, or set {variable}={usual}")
    return named.rstrip("/")
