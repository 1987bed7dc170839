"""Calls the verbs that make what builds need: image, pin, lock."""

from __future__ import annotations

import argparse
import os

from factory.cli import context
from factory.cli.typed import MATRIX
from factory.data import DATA
from factory.environment import lock as lock_verb
from factory.errors import SelectorError
from factory.image import engine
from factory.image import image as image_verb
from factory.image import pin as pin_verb
from factory.kernels import installed
from factory.output.console import Console
from factory.output.log import Log
from factory.system.cache import cache_root


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
    pin_verb.pin(MATRIX, env=dict(os.environ), say=Log(Console()).say)
    return 0


def lock(arguments: argparse.Namespace) -> int:
    """Write the lock files anew; return the exit status. Raises what ``factory.environment.lock.lock`` raises."""
    matrix, env, say = context.matrix(), dict(os.environ), Log(Console()).say
    installed.write(matrix.flash_attn.values(), cache=cache_root(env), env=env, say=say)
    wanted = lock_verb.Wanted(matrix=matrix, groups=context.groups())
    lock_verb.lock(wanted, locks=DATA / "locks", env=env, say=say, days=arguments.cooldown)
    return 0
