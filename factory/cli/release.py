"""Calls the verbs that deal with releases and what is made of them: publish, index, download."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from factory.cli import context
from factory.core.errors import UsageError
from factory.edge import attestation, shell, thismachine, wheellist
from factory.edge.download import fetch
from factory.edge.github import API, Repository
from factory.edge.log import Log
from factory.verb import download as download_verb
from factory.verb import index as index_verb
from factory.verb import publish as publish_verb

_ON_GITHUB = re.compile(r"(?:https://|git@|ssh://git@)github\.com[:/](?P<name>[^/]+/[^/]+?)(?:\.git)?/?")


def publish(arguments: argparse.Namespace) -> int:
    """Put wheels, or archives of kernels, into releases."""
    rules, say = context.matrix(), _say()
    with _github(arguments) as github:
        if arguments.pools:
            publish_verb.publish_pools(arguments.files, github=github, say=say)
        else:
            act = publish_verb.rehearse if arguments.dry_run else publish_verb.publish
            act(arguments.files, rules=rules, github=github, say=say)
    return 0


def index(arguments: argparse.Namespace) -> int:
    """Write the site that pip, uv and people use, from the releases alone."""
    say = _say()
    former = wheellist.former(arguments.previous or _pages(_repository(arguments)))
    with _github(arguments) as github:
        wheels = index_verb.gather(github.published(), known=former, say=say)
    if arguments.mirror:
        wheels = index_verb.mirror(wheels, out=arguments.out, fetch=fetch)
    index_verb.index(wheels, out=arguments.out, previous=former, allow_shrink=arguments.allow_shrink, say=say)
    return 0


def download(arguments: argparse.Namespace) -> int:
    """Fetch the wheel that fits this machine, or the cell that was named."""
    env = dict(os.environ)
    edges = download_verb.Edges(
        here=lambda: thismachine.read(arguments.python or thismachine.interpreter(env), env),
        fetch=fetch,
        attest=lambda file, url: attestation.verify(file, url, env),
        say=_say(),
    )
    asked = download_verb.environment(arguments.selector, arguments.profile or context.PROFILE, edges)
    published = wheellist.read(arguments.index or _pages(_repository(arguments)))
    download_verb.download(asked, published, rules=context.matrix(), into=arguments.to, edges=edges)
    return 0


@contextlib.contextmanager
def _github(arguments: argparse.Namespace) -> Iterator[Repository]:
    api = os.environ.get("GITHUB_API_URL") or API
    github = Repository(_repository(arguments), token=os.environ.get("GITHUB_TOKEN"), api=api)
    try:
        yield github
    finally:
        github.close()


def _repository(arguments: argparse.Namespace) -> str:
    """Give ``OWNER/NAME``: as typed, as GitHub Actions says, or as this clone's origin is. Raises UsageError."""
    named = arguments.repository or os.environ.get("GITHUB_REPOSITORY")
    if named:
        return str(named)
    origin = shell.run(["git", "remote", "get-url", "origin"], cwd=Path.cwd(), timeout=10).stdout.strip()
    found = _ON_GITHUB.fullmatch(origin)
    if found is None:
        raise UsageError("no repository is named", remedy="Name one: --repository OWNER/NAME")
    return found["name"]


def _pages(repository: str) -> str:
    """Give where GitHub Pages serves a repository's site."""
    owner, _, name = repository.partition("/")
    return f"https://{owner.lower()}.github.io/{name}"


def _say() -> Callable[[str], None]:
    return Log(context.console()).say
