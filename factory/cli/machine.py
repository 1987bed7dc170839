"""Calls the verbs that look at this machine: doctor."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

from factory.build import room
from factory.build.room import Run
from factory.cli import context, jobpage
from factory.doctor import doctor as doctor_verb
from factory.doctor import look
from factory.doctor.look import Surroundings
from factory.doctor.result import Section, to_json
from factory.errors import UsageError
from factory.kernels import costs
from factory.matrix.model import Cell, Matrix, State
from factory.output.console import Console
from factory.output.log import Log
from factory.plan.room import Want
from factory.system import machine
from factory.toolkit.find import World

_DIST = Path("dist")


def doctor(arguments: argparse.Namespace) -> int:
    """Check this machine against a cell, the guide's environment, or the newest cell that fits it.

    Returns the exit status. Raises UsageError for options that do not go together or where no cell is chosen,
    UnfitError where the machine is not ready, and what ``context`` raises.
    """
    if arguments.github and (arguments.guide or arguments.selector or arguments.profile or arguments.archs):
        raise UsageError("--github goes with nothing else", remedy="Type: nox -s doctor -- --github")
    if arguments.guide and not arguments.selector and (arguments.profile or arguments.archs):
        raise UsageError("--guide needs a cell for that", remedy="Type: nox -s doctor -- --guide cu124 torch2.6 cp310")
    matrix = context.matrix(shipped=True)
    if arguments.github:
        from factory.cli import githubsettings  # noqa: PLC0415 - what asks GitHub takes half a second to load

        return _shown((githubsettings.strangers(matrix),), arguments)
    here = Surroundings(env=dict(os.environ), dist=_DIST, world=World())
    edges = doctor_verb.Edges(
        look=partial(look.look, here, matrix),
        supply=partial(look.supply, here=here, matrix=matrix),
        wants=partial(_wants, here=here, matrix=matrix),
        costs=costs.table(),
    )
    return _shown(doctor_verb.doctor(_asked(arguments, matrix), matrix, edges), arguments)


def _shown(sections: tuple[Section, ...], arguments: argparse.Namespace) -> int:
    if arguments.json:
        sys.stdout.write(to_json(sections) + "\n")
    else:
        log = Log(Console())
        for line in doctor_verb.lines(sections):
            log.line(line)
    jobpage.annotate(doctor_verb.remarks(sections))
    doctor_verb.judge(sections)
    return 0


def _wants(
    cell: Cell,
    contained: bool,  # noqa: FBT001 - one call
    *,
    here: Surroundings,
    matrix: Matrix,
) -> tuple[Want, ...]:
    """Return what building ``cell`` puts on disks, as the build itself counts; nothing where there is no cache."""
    if here.cache is None:
        return ()
    run = Run(
        cells=(cell,),
        matrix=matrix,
        cache=here.cache,
        dist=here.dist,
        env=here.env,
        world=here.world,
        installer=look.installer(here.cache, here.env),
        limits=machine.limits(here.env, max_jobs=matrix.max_jobs),
    )
    return room.wants(run, contained=contained)


def _asked(arguments: argparse.Namespace, matrix: Matrix) -> doctor_verb.Asked:
    named = bool(" ".join(arguments.selector).split())
    rows = context.select(arguments, matrix) if named else context.expand(arguments, matrix)
    chosen = [row.cell for row in rows if named or row.state is State.BUILD]
    if not (chosen or arguments.guide):
        raise UsageError("matrix.yaml chooses no cell", remedy="Name one: nox -s doctor -- cu124 torch2.6 cp310")
    return doctor_verb.Asked(cells=tuple(chosen), named=named, guide=arguments.guide)
