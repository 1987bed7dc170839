"""Calls the verbs, each with what was typed and the boundaries it needs; gives the exit status."""

from __future__ import annotations

import argparse
import os
import sys
import time
from itertools import groupby

from factory.build import build as build_verb
from factory.build import host, setup
from factory.build import page as build_page
from factory.build.container.kernels import Portion
from factory.build.setup import CellWanted
from factory.cli import against, backend, context, jobpage, repository
from factory.data import DATA
from factory.environment import environment
from factory.environment import lock as lock_verb
from factory.errors import SelectorError, UnfinishedError, UnreachableError, UsageError
from factory.gpu_test import gpu_test as gpu_test_verb
from factory.image import engine
from factory.image import image as image_verb
from factory.image import pin as pin_verb
from factory.index import index, wheelsjson
from factory.index.published import Published
from factory.kernels import installed
from factory.kernels import kernels as kernels_verb
from factory.kernels import page as kernels_page
from factory.kernels.page import Tally
from factory.matrix import kernelset, selector
from factory.matrix.model import State
from factory.output import githubjob
from factory.output.console import Console
from factory.output.log import Log
from factory.plan import page as page_of_plan
from factory.plan import plan as plan_verb
from factory.plan import remaining
from factory.plan.planpage import plan_page
from factory.prove import prove as prove_verb
from factory.session import Session
from factory.system.cache import cache_root, writable


def plan(arguments: argparse.Namespace) -> int:
    """Show the plan, or why cells are as they are; return the exit status.

    Raises UsageError for options that do not go together, and what ``context`` raises.
    """
    matrix = context.matrix()
    if (arguments.repository or arguments.index) and not arguments.published:
        raise UsageError("--repository and --index need --published", remedy="Add it, or leave them out.")
    if arguments.why:
        if not arguments.selector:
            raise UsageError("--why needs a selector", remedy="For example: nox -s plan -- --why cu130 torch2.6")
        Console().print(selector.why(arguments.selector, matrix), soft_wrap=True)
        return 0
    if arguments.against:
        return against.against(arguments, matrix)
    session = context.session(arguments, matrix, error_log=arguments.json)
    chosen = context.select(arguments, matrix) if arguments.selector else context.expand(arguments, matrix)
    if arguments.published:
        chosen = remaining.less_published(chosen, _published(arguments, session))
    wanted = {State.BUILD, State.ON_REQUEST} if arguments.selector else {State.BUILD}
    built = [row for row in chosen if row.state in wanted]
    if arguments.jobs:
        githubjob.add(arguments.jobs, plan_verb.jobs(built, matrix, session))
    try:
        sets = plan_verb.estimates(built, matrix, session)
    except UnreachableError as error:
        session.log.say(f"no estimate, for the source is not to be had: {error.what}")
        sets = {}
    jobpage.add(page_of_plan.markdown(plan_page(chosen, built, sets, matrix=matrix, session=session), matrix))
    if arguments.json:
        sys.stdout.write(plan_verb.to_json(chosen, sets, matrix) + "\n")
        return 0
    session.log.table(plan_verb.table(chosen))
    for line in [*plan_verb.images(built, matrix), *(plan_verb.summary(sets, len(built), session) if sets else ())]:
        session.log.say(line)
    return 0


def _published(arguments: argparse.Namespace, session: Session) -> tuple[Published, ...]:
    """Return the wheels that an index lists, or the releases themselves, which may be ahead of it."""
    if arguments.index:
        published = wheelsjson.former(arguments.index)
        session.log.say(f"published: {len(published)} wheels, says {arguments.index}")
        return published
    named = repository.needed(arguments.repository)
    known = wheelsjson.former(repository.pages(named))
    with repository.opened(named) as github:
        published = index.gather(github.published(say=session.log.say), known=known, say=session.log.say)
    session.log.say(f"published: {len(published)} wheels in the releases of {named}")
    return published


def kernels(arguments: argparse.Namespace) -> int:
    """Compile the selected cells' kernel sets, or one shard of each, in as much time as there is.

    Returns the exit status. Raises UsageError for options that do not go together, UnfinishedError where time ran out,
    and what ``context``, ``backend.choose`` and compiling raise.
    """
    if arguments.outcome and not arguments.minutes:
        raise UsageError("--outcome needs --minutes", remedy="Add it, or leave --outcome out.")
    until = time.monotonic() + arguments.minutes * 60 if arguments.minutes else None
    matrix = context.matrix()
    session = context.session(arguments, matrix)
    order = build_verb.Order(
        cells=context.first_of_sets(arguments, matrix),
        matrix=matrix,
        session=session,
        fetch=repository.fetch(session) if arguments.remote_pool else None,
    )
    share = 1 / arguments.shard.of if arguments.shard else 1.0
    before = backend.before(order, dist=None, memory=arguments.memory, share=share)
    if arguments.outcome:
        githubjob.add(arguments.outcome, {})  # what cannot be written must show before hours of compiling
    place = backend.choose(order, arguments.backend, before, memory=arguments.memory, wheels=False)
    made: list[Tally] = []
    try:
        for cell in order.cells:
            session.log.say(f"kernel set {kernelset.need_of(cell, matrix)}")
            made.append(place.kernels([cell], Portion(shard=arguments.shard, until=until)))
            session.log.say(f"done: {len(made[-1].compiled)} units compiled now")
    finally:
        if made:
            jobpage.add(kernels_page.markdown(made))
    left = sum(tally.left for tally in made)
    if arguments.outcome:
        githubjob.add(arguments.outcome, {"left": str(left)})
    elif left:
        raise UnfinishedError(
            f"{left} units are left after {arguments.minutes:g} minutes",
            remedy="What is finished is kept; the same command goes on from there.",
        )
    return 0


def build(arguments: argparse.Namespace) -> int:
    """Build and audit the selected cells, set by set; a cell that fails does not keep the others from being built.

    Returns the exit status, that of the first failure where there is one. Raises what ``context`` and
    ``backend.choose`` raise.
    """
    matrix = context.matrix()
    session = context.session(arguments, matrix)
    chosen = sorted(context.select(arguments, matrix), key=lambda row: (kernelset.need_of(row.cell, matrix), row.cell))
    order = build_verb.Order(
        cells=tuple(row.cell for row in chosen),
        matrix=matrix,
        session=session,
        fetch=repository.fetch(session) if arguments.remote_pool else None,
    )
    writable(arguments.dist, "wheels", "--dist DIR")
    before = backend.before(order, dist=arguments.dist, memory=arguments.memory)
    place = backend.choose(order, arguments.backend, before, memory=arguments.memory, wheels=True)
    outcome = build_verb.build(order, place, arguments.dist, tell=context.print_error)
    jobpage.add(build_page.markdown(outcome))
    if len(chosen) > 1:
        session.log.say(f"{len(chosen) - len(outcome.failures)} of {len(chosen)} wheels built")
    return outcome.failures[0].status if outcome.failures else 0


def prove(arguments: argparse.Namespace) -> int:
    """Compare both ways for each selected kernel set, and keep the proofs; return the exit status.

    Raises what ``factory.prove.prove.prove``, the installer and ``context`` raise.
    """
    matrix = context.matrix()
    session = context.session(arguments, matrix)
    installer = environment.installer(session)
    chosen = sorted(context.select(arguments, matrix), key=lambda row: kernelset.need_of(row.cell, matrix))
    for need, rows in groupby(chosen, key=lambda row: kernelset.need_of(row.cell, matrix)):
        wanted = min((setup.wanted(row.cell, matrix) for row in rows), key=_handiest)
        plain = prove_verb.Plain(torch=wanted.torch, cell=wanted.cell, environment=host.prepare(wanted, installer))
        session.log.say(f"kernel set {need}")
        proof = prove_verb.prove(kernels_verb.set_wanted(need, matrix), plain, session, whole=arguments.all)
        path = DATA / "proofs" / f"{proof.name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(proof.to_json())
        session.log.say(f"the same, kernel by kernel, in {len(proof.units)} units: {path}")
    return 0


def _handiest(wanted: CellWanted) -> tuple[bool, bool]:
    """Prefer a torch from the index everyone uses, and the Python that runs this."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return wanted.build.index_url is not None, wanted.cell.python != here


def gpu_test(arguments: argparse.Namespace) -> int:
    """Try a finished wheel on this machine's GPU; return the exit status.

    Raises UsageError for options that do not go together, and what ``factory.gpu_test.gpu_test.gpu_test`` raises.
    """
    if arguments.install and arguments.python:
        raise UsageError("--python needs --no-install", remedy="An installed wheel gets the Python of its own name.")
    matrix = context.matrix()
    session = context.session(arguments, matrix)
    stage = (
        gpu_test_verb.clean(matrix, environment.installer(session), session)
        if arguments.install
        else gpu_test_verb.borrowed(arguments.python, session)
    )
    seed = {} if arguments.seed is None else {"seed": arguments.seed}
    wanted = gpu_test_verb.Wanted(wheel=arguments.wheel, beside=arguments.beside, **seed)
    gpu_test_verb.gpu_test(wanted, matrix=matrix, session=session, stage=stage)
    return 0


def image(arguments: argparse.Namespace) -> int:
    """Make a builder image; return the exit status.

    Raises SelectorError for a CUDA that ``matrix.yaml`` lacks, and what ``factory.image.image.image`` raises.
    """
    matrix = context.matrix()
    toolkits = {row.token: row for row in matrix.toolkits.values()}
    if arguments.cuda not in toolkits:
        known = ", ".join(toolkits)
        raise SelectorError(f"there is no {arguments.cuda} in matrix.yaml", remedy=f"Name one of {known}.")
    version = toolkits[arguments.cuda].version
    session = context.session(arguments, matrix)
    name = image_verb.image(version, session, engine.find(session.env))
    session.log.say(f"made {name}; to build in it, write that name into matrix.yaml under cuda, {version}, image")
    return 0


def pin(_arguments: argparse.Namespace) -> int:
    """Write the images' digests; return the exit status. Raises what ``factory.image.pin.pin`` raises."""
    pin_verb.pin(context.MATRIX, env=dict(os.environ), say=Log(Console()).say)
    return 0


def lock(_arguments: argparse.Namespace) -> int:
    """Write the lock files anew; return the exit status. Raises what ``factory.environment.lock.lock`` raises."""
    matrix, env, say = context.matrix(), dict(os.environ), Log(Console()).say
    installed.write(matrix.flash_attn.values(), cache=cache_root(env), env=env, say=say)
    lock_verb.lock(matrix, locks=DATA / "locks", env=env, say=say)
    return 0
