"""Calls the verbs that deal with releases and what is made of them: publish, index, download."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator

from factory.cli import context, repository
from factory.edge import attestation, thismachine, wheellist
from factory.edge.download import fetch
from factory.edge.github import Repository
from factory.edge.log import Log
from factory.verb import download as download_verb
from factory.verb import index as index_verb
from factory.verb import publish as publish_verb


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
    former = wheellist.former(arguments.previous or repository.pages(repository.needed(arguments.repository)))
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
    published = wheellist.read(arguments.index or repository.pages(repository.needed(arguments.repository)))
    download_verb.download(asked, published, rules=context.matrix(), into=arguments.to, edges=edges)
    return 0


@contextlib.contextmanager
def _github(arguments: argparse.Namespace) -> Iterator[Repository]:
    named = repository.needed(arguments.repository)
    github = Repository(named, token=os.environ.get("GITHUB_TOKEN"), api=repository.api())
    try:
        yield github
    finally:
        github.close()


def _say() -> Callable[[str], None]:
    return Log(context.console()).say
