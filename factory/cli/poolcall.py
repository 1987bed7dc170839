"""Calls what the verb pool does: export, import, verify, prune."""

from __future__ import annotations

import argparse

from factory.cli import context, repository
from factory.errors import UsageError
from factory.github import attestation
from factory.matrix import kernelset
from factory.pool import pool
from factory.pool.store import pool_in
from factory.publish.provenance import Provenance
from factory.session import Session


def export_sets(arguments: argparse.Namespace) -> int:
    """Write kernel sets as archives; return the exit status. Raises what ``pool.export`` raises."""
    needs, session = _needs(arguments)
    pool.export(pool.matching(pool_in(session.cache), needs), arguments.to, session)
    return 0


def import_archives(arguments: argparse.Namespace) -> int:
    """Take kernel sets out of archives; return the exit status. Raises what ``pool.take`` raises."""
    matrix = context.matrix()
    session = context.session(arguments, matrix)
    archives = arguments.archives
    if arguments.attested:
        named = repository.needed(None)
        maker = Provenance.of(named, session.env, hosted=matrix.runners.hosted).of_kernels()
        archives = attestation.holding(archives, maker, session.env, session.log.say)
    if archives:
        pool.take(archives, session)
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Check every object of the pool; return the exit status. Raises what ``pool.verify`` raises."""
    pool.verify(context.session(arguments, context.matrix()))
    return 0


def prune(arguments: argparse.Namespace) -> int:
    """Free the pool's space; return the exit status. Raises what ``pool.prune`` raises."""
    needs, session = _needs(arguments)
    pool.prune(None if needs is None else pool.matching(pool_in(session.cache), needs), session)
    return 0


def _needs(arguments: argparse.Namespace) -> tuple[set[kernelset.KernelSetId] | None, Session]:
    matrix = context.matrix()
    session = context.session(arguments, matrix)
    if arguments.selector:
        return {kernelset.need_of(row.cell, matrix) for row in context.select(arguments, matrix)}, session
    if arguments.profile or arguments.archs:
        raise UsageError(
            "--profile and --archs need a selector", remedy="For example: nox -s pool -- export cu124 --profile smoke"
        )
    return None, session
