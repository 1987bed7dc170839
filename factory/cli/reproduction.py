"""Calls reproduce: a wheel made again from its report, or a share of a kernel set compiled again."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from factory.build.build import Order
from factory.cli import backend, context, repository, wheelfiles
from factory.errors import ReproduceError, UsageError
from factory.matrix import kernelset
from factory.matrix.model import Matrix
from factory.output.progress import are, counted
from factory.reproduce import reproduce as reproduce_verb
from factory.reproduce import units
from factory.reproduce.units import Known, Sample


def reproduce(arguments: argparse.Namespace) -> int:
    """Make a wheel, or units, again and compare; return the exit status.

    Raises UsageError for options that do not go together, ReproduceError where bytes differ, and what
    ``factory.reproduce`` and ``backend.choose`` raise.
    """
    matrix = context.matrix()
    if arguments.shard:
        return _units(arguments, matrix)
    if arguments.json or arguments.profile or arguments.archs or arguments.backend:
        raise UsageError(
            "--json, --profile, --archs and --backend need --shard",
            remedy="Leave them out: a wheel's report says what it was made with.",
        )
    if len(arguments.what) != 1:
        raise UsageError("one wheel is made again at a time", remedy="For example: nox -s reproduce -- dist/WHEEL.whl")
    wheelfiles.only([Path(arguments.what[0])], "reproduce -- dist/WHEEL.whl")
    told = reproduce_verb.told(Path(arguments.what[0]), matrix)
    away = reproduce_verb.elsewhere(context.session(arguments, matrix), told.sha256[:16])
    order = Order(cells=(told.cell,), matrix=matrix, session=away)
    before = backend.before(order, dist=away.cache, memory=arguments.memory)
    place = backend.choose(order, told.made_with.backend, before, memory=arguments.memory, wheels=True)
    reproduce_verb.reproduce(told, place, away)
    return 0


def _units(arguments: argparse.Namespace, matrix: Matrix) -> int:
    arguments.selector = " ".join(arguments.what).split()
    session = context.session(arguments, matrix, error_log=arguments.json)
    known = Known(session=session, fetch=repository.fetch(session) if arguments.remote_pool else None)
    samples: list[Sample] = []
    for cell in context.first_of_sets(arguments, matrix):
        name = f"kernels-{kernelset.need_of(cell, matrix).label}-{arguments.shard}".replace("/", "-")
        away = reproduce_verb.elsewhere(session, name)
        order = Order(cells=(cell,), matrix=matrix, session=away)
        before = backend.before(order, dist=None, memory=arguments.memory, share=1 / arguments.shard.of)
        place = backend.choose(order, arguments.backend, before, memory=arguments.memory, wheels=False)
        made = units.remake(cell, arguments.shard, place, known, away)
        shutil.rmtree(away.cache)
        samples.append(made)
        if arguments.json:
            sys.stdout.write(f"{made.to_json()}\n")
        else:
            same = len(made.parts) - len(made.differing)
            session.log.say(f"{same} of {counted(len(made.parts), 'part')} {are(same)} the same")
    differing = [part for made in samples for part in made.differing]
    if differing:
        raise ReproduceError(
            f"{counted(len(differing), 'part')} of kernels came out with other bytes",
            why=[f"{part.unit} {part.part}: {part.recorded} recorded, {part.made} made" for part in differing],
            remedy="Do not publish these kernels before that is understood; open an issue with these lines.",
        )
    return 0
