"""Calls the verbs that deal with releases and what is made of them: publish, index."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from factory.cli import context, jobpage, releases, repository, wheelfiles
from factory.errors import UsageError
from factory.index import beside, lastrun, rules, status, torchbuilds, wheelsjson
from factory.index import index as index_verb
from factory.index import page as index_page
from factory.index.lastrun import LastRun
from factory.index.served.flash_attn_wheel import Repository
from factory.kernels.installed import installed
from factory.matrix.cells import expand
from factory.matrix.unserved import unserved
from factory.output.console import Console
from factory.output.log import Log
from factory.plan.remaining import less_published
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

    Raises UsageError where no repository is known or a run is told in another way than GitHub does, MatrixError,
    UnreachableError, PublishError, and what ``factory.index.index`` and ``factory.index.beside`` raise.
    """
    matrix, say, env = context.matrix(), _say(), dict(os.environ)
    run = _run(arguments)
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
    known = status.Known(left_out=tuple(left_out), run=run, written=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    facts = index_verb.Facts(
        status=status.status(less_published(expand(matrix), wheels), matrix, unserved(), known),
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


def _run(arguments: argparse.Namespace) -> LastRun | None:
    """Return the run that the index is written in. Raises UsageError where what is told of it is no such thing."""
    page, needs = arguments.run_page, arguments.needs
    if page is None and needs is None:
        return None
    if not (page and needs) or not page.startswith(("https://", "http://")):
        raise UsageError("--run takes an address and goes with --needs", remedy="Give both, or leave both out.")
    try:
        return lastrun.read(page, needs.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{needs} is not what GitHub's toJSON(needs) gives",
            why=str(error).splitlines(),
            remedy="Leave it out, and --run.",
        ) from error


def _say() -> Callable[[str], None]:
    return Log(Console()).say
