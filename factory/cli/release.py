"""Calls the verbs that deal with releases and what is made of them: publish, index."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial

from factory.cli import context, jobpage, releases, repository, wheelfiles
from factory.index import beside, rules, torchbuilds, wheelsjson
from factory.index import index as index_verb
from factory.index import page as index_page
from factory.index.served.flash_attn_wheel import Repository
from factory.kernels.installed import installed
from factory.output.console import Console
from factory.output.log import Log
from factory.publish import page as publish_page
from factory.publish import publish as publish_verb
from factory.publish.parts import Sent
from factory.publish.provenance import Provenance
from factory.publish.publish import Means
from factory.system.cache import cache_root
from factory.system.download import fetch


def publish(arguments: argparse.Namespace) -> int:
    """Put wheels, or archives of kernels, into releases; return the exit status.

    Raises UsageError for files that are no wheels where wheels are published or where no repository is known, GateError
    where at least one may not go, PublishError, MatrixError.
    """
    if not arguments.pools:
        wheelfiles.only(arguments.files, "publish -- dist/*.whl")
    matrix, say = context.matrix(), _say()
    named, env = repository.needed(arguments.repository), dict(os.environ)
    provenance = Provenance.of(named, env, hosted=matrix.runners.hosted)
    attest = partial(provenance.demand, env=env) if arguments.attested else None
    sent: tuple[Sent, ...] = ()
    refused: tuple[str, ...] = ()
    with releases.opened(named) as github:
        files = partial(installed, cache=cache_root(env), env=env)
        means = Means(
            github=github, say=say, installed=files, attest=attest, partial=arguments.partial, dry_run=arguments.dry_run
        )
        if arguments.pools:
            sent = publish_verb.publish_pools(arguments.files, means=means)
        else:
            sent, refused = publish_verb.publish(arguments.files, matrix=matrix, means=means)
    if sent:
        jobpage.add(publish_page.markdown(sent, repository.home(named)))
    if refused:
        raise publish_verb.refusal(refused, sent=bool(sent))
    return 0


def index(arguments: argparse.Namespace) -> int:
    """Write the site that pip, uv and people use, from the releases alone; return the exit status.

    Raises UsageError where no repository is known, MatrixError, UnreachableError, PublishError, and what
    ``factory.index.index`` and ``factory.index.beside`` raise.
    """
    matrix, say, env = context.matrix(), _say(), dict(os.environ)
    published_by = repository.needed(arguments.repository)
    named = Repository(name=published_by, home=repository.home(published_by), api=repository.api())
    address = repository.pages(published_by)
    former = wheelsjson.former(arguments.previous or address)
    left_out: list[str] = []
    with releases.opened(published_by) as github:
        wheels = index_verb.gather(github.published(say=say), known=former, say=say, keep=left_out.append)
    if arguments.mirror:
        wheels = index_verb.mirror(wheels, out=arguments.out, fetch=fetch)
    before = index_verb.Former(wheels=former, may_shrink=arguments.allow_shrink)
    others = beside.known() if any(one.tied for one in wheels) else ()
    facts = index_verb.Facts(
        rules=rules.table(matrix, named),
        builds=torchbuilds.builds(matrix),
        others={one: beside.fetch(one, cache=cache_root(env), env=env) for one in others},
    )
    index_verb.index(wheels, facts=facts, former=before, out=arguments.out, say=say)
    left_out += index_verb.untied(wheels)
    written = index_page.WrittenIndex(wheels=wheels, former=former, left_out=tuple(left_out), address=address)
    jobpage.add(index_page.markdown(written))
    jobpage.annotate(index_page.remarks(written))
    return 0


def _say() -> Callable[[str], None]:
    return Log(Console()).say
