"""Calls the verbs that compile: kernels, build, prove."""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from itertools import groupby

from factory.build import build as build_verb
from factory.build import host, setup
from factory.build import page as build_page
from factory.build.container.kernels import Portion
from factory.build.setup import CellWanted
from factory.cli import backend, context, failure, jobpage, owngpu, repository
from factory.data import DATA
from factory.environment import environment
from factory.errors import UnfinishedError, UsageError
from factory.kernels import page as kernels_page
from factory.kernels import prepared
from factory.kernels.page import Tally
from factory.matrix import kernelset
from factory.output import githubjob
from factory.output.progress import are, counted
from factory.prove import prove as prove_verb
from factory.system.cache import writable


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
            session.log.say(f"done: {counted(len(made[-1].compiled), 'unit')} compiled now")
    finally:
        if made:
            jobpage.add(kernels_page.markdown(made))
    left = sum(tally.left for tally in made)
    if arguments.outcome:
        githubjob.add(arguments.outcome, {"left": str(left)})
    elif left:
        raise UnfinishedError(
            f"{counted(left, 'unit')} {are(left)} left after {arguments.minutes:g} minutes",
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
    if saved := owngpu.hint(chosen, arguments, matrix, session):
        session.log.say(saved)
    outcome = build_verb.build(order, place, arguments.dist, tell=partial(failure.tell, "build"))
    jobpage.add(build_page.markdown(outcome))
    if len(chosen) > 1:
        session.log.say(f"{len(chosen) - len(outcome.failures)} of {counted(len(chosen), 'wheel')} built")
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
        plain = prove_verb.Plain(
            torch=wanted.torch,
            cell=wanted.cell,
            environment=host.prepare(wanted, installer),
            target=host.target(wanted, installer, session),
        )
        session.log.say(f"kernel set {need}")
        proof = prove_verb.prove(prepared.set_wanted(need, matrix), plain, session, whole=arguments.all)
        path = DATA / "proofs" / f"{proof.name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(proof.to_json())
        session.log.say(f"the same, kernel by kernel, in {counted(len(proof.units), 'unit')}: {path}")
    return 0


def _handiest(wanted: CellWanted) -> tuple[bool, bool]:
    """Prefer a torch from the index everyone uses, and the Python that runs this."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return wanted.build.index_url is not None, wanted.cell.python != here
