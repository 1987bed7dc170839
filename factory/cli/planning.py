"""Calls the verb that says what would be built: plan."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

from factory.cli import against, context, jobpage, owngpu
from factory.errors import UnreachableError, UsageError
from factory.matrix import selector
from factory.matrix.kernelset import KernelSetId
from factory.matrix.model import Matrix, Planned, State
from factory.output import githubjob
from factory.output.console import Console
from factory.plan import listing
from factory.plan import page as page_of_plan
from factory.plan import plan as plan_verb
from factory.plan.plan import Estimate
from factory.plan.planpage import plan_page
from factory.session import Session


def plan(arguments: argparse.Namespace) -> int:
    """Show the plan, or why cells are as they are; return the exit status.

    Raises UsageError for options that do not go together, and what ``context`` raises.
    """
    matrix = context.matrix(shipped=True)
    if (arguments.repository or arguments.index) and not arguments.published:
        raise UsageError("--repository and --index need --published", remedy="Add it, or leave them out.")
    if arguments.why:
        if arguments.json:
            raise UsageError("--why does not go with --json", remedy="Leave --why out: each cell has its reason.")
        if not arguments.selector:
            raise UsageError("--why needs a selector", remedy="For example: nox -s plan -- --why cu130 torch2.6")
        Console().print(selector.why(arguments.selector, matrix), soft_wrap=True)
        return 0
    if arguments.against:
        return against.against(arguments, matrix)
    session = context.session(arguments, matrix, error_log=arguments.json)
    chosen = context.select(arguments, matrix) if arguments.selector else context.expand(arguments, matrix)
    if arguments.published:
        from factory.cli import listed  # noqa: PLC0415 - what asks GitHub takes half a second to load

        chosen = listed.less_published(chosen, arguments, session)
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
    _show(chosen, built, sets, arguments=arguments, matrix=matrix, session=session)
    return 0


def _show(  # noqa: PLR0913 - a plan, and all that says how it is told
    chosen: Sequence[Planned],
    built: Sequence[Planned],
    sets: Mapping[KernelSetId, Estimate],
    *,
    arguments: argparse.Namespace,
    matrix: Matrix,
    session: Session,
) -> None:
    say = session.log.say
    shown = chosen if arguments.all or arguments.selector else built
    session.log.table(listing.every(shown) if arguments.all else listing.grouped(shown))
    for line in filter(None, [listing.others(chosen, shown), *plan_verb.images(built, matrix)]):
        say(line)
    if not sets:
        return
    own = owngpu.hint(built, arguments, matrix, session) if arguments.selector else ""  # all of a matrix is for others
    for line in filter(None, [*plan_verb.kernels(sets, built, matrix), own]):
        say(line)
    say(plan_verb.total(sets, len(built), session))
