"""Calls the verb that tries a wheel: gpu_test."""

from __future__ import annotations

import argparse

from factory.cli import context, jobpage, wheelfiles
from factory.environment import environment
from factory.errors import UsageError
from factory.gpu_test import gpu_test as gpu_test_verb
from factory.gpu_test import page


def gpu_test(arguments: argparse.Namespace) -> int:
    """Try a finished wheel on this machine's GPU; return the exit status.

    Raises UsageError for options that do not go together and files that are no wheels, and what
    ``factory.gpu_test.gpu_test.gpu_test`` raises.
    """
    if arguments.install and arguments.python:
        raise UsageError("--python needs --no-install", remedy="An installed wheel gets the Python of its own name.")
    wheelfiles.only(filter(None, (arguments.wheel, arguments.beside)), "gpu_test -- dist/WHEEL.whl")
    matrix = context.matrix(shipped=True)
    session = context.session(arguments, matrix)
    stage = (
        gpu_test_verb.clean(matrix, environment.installer(session), session)
        if arguments.install
        else gpu_test_verb.borrowed(arguments.python, session)
    )
    seed = {} if arguments.seed is None else {"seed": arguments.seed}
    wanted = gpu_test_verb.Wanted(wheel=arguments.wheel, beside=arguments.beside, **seed)
    verdict = gpu_test_verb.gpu_test(wanted, matrix=matrix, session=session, stage=stage)
    jobpage.annotate(page.untried(verdict))
    return 0
