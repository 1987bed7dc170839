"""Takes away from a plan what is published, as an index or the releases themselves say."""

from __future__ import annotations

import argparse

from factory.cli import releases, repository
from factory.index import index, wheelsjson
from factory.index.published import Published
from factory.matrix.model import Planned
from factory.output.progress import counted
from factory.plan import remaining
from factory.session import Session


def less_published(chosen: tuple[Planned, ...], arguments: argparse.Namespace, session: Session) -> tuple[Planned, ...]:
    """Return ``chosen`` with the cells marked whose wheel is published.

    Raises UsageError where no repository is known, UnreachableError and PublishError where it cannot be asked.
    """
    return remaining.less_published(chosen, _published(arguments, session))


def _published(arguments: argparse.Namespace, session: Session) -> tuple[Published, ...]:
    """Return the wheels that an index lists, or the releases themselves, which may be ahead of it."""
    if arguments.index:
        published = wheelsjson.former(arguments.index)
        session.log.say(f"published: {counted(len(published), 'wheel')}, says {arguments.index}")
        return published
    named = repository.needed(arguments.repository)
    known = wheelsjson.former(repository.pages(named))
    with releases.opened(named) as github:
        published = index.gather(github.published(say=session.log.say), known=known, say=session.log.say)
    session.log.say(f"published: {counted(len(published), 'wheel')} in the releases of {named}")
    return published
