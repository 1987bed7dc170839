"""Opens the releases of a repository: apart, because what asks GitHub takes half a second to load."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from factory.cli.repository import api
from factory.publish.releases import Repository


@contextlib.contextmanager
def opened(named: str) -> Iterator[Repository]:
    """Yield the repository ``OWNER/NAME`` on GitHub, as whoever GITHUB_TOKEN says.

    Raises PublishError for a name or a token that is none.
    """
    github = Repository(named, token=os.environ.get("GITHUB_TOKEN"), api=api())
    try:
        yield github
    finally:
        github.close()
