"""Calls the audit, with all that is known here of what each wheel was to be."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.table import Table
from rich.text import Text

from factory.audit import audit as audit_verb
from factory.audit import factrows, page
from factory.audit.report import Report
from factory.cli import context, jobpage, wheelfiles
from factory.kernels.installed import installed
from factory.matrix import wheelname
from factory.matrix.checksymbol import check_symbol
from factory.matrix.model import Matrix
from factory.output.console import Console
from factory.output.log import Log
from factory.system.cache import cache_root
from factory.versions import cuda_major
from factory.wheel.facts import Expected


def audit(arguments: argparse.Namespace) -> int:
    """Check finished wheels; return the exit status.

    Raises UsageError for files that are no wheels, AuditError with all findings.
    """
    wheelfiles.only(arguments.wheels, "audit -- dist/*.whl")
    reports: list[Report] = []
    log = Log(Console())
    matrix = context.matrix(shipped=True) if context.matrix_file().is_file() else None

    def keep(report: Report) -> None:
        reports.append(report)
        if len(arguments.wheels) == 1:
            log.table(_table(("", ""), factrows.rows(report)))

    try:
        expect = partial(expected, matrix=matrix, env=dict(os.environ))
        audit_verb.run(arguments.wheels, expect=expect, say=log.say, keep=keep)
    finally:
        if len(reports) > 1:
            log.table(_table(page.COLUMNS, map(page.brief, reports)))
        jobpage.add(page.markdown(reports, len(arguments.wheels)))
    return 0


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    made = Table(show_header=any(columns))
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))  # what a wheel says of itself may look like markup
    return made


def expected(wheel: Path, *, matrix: Matrix | None, env: Mapping[str, str]) -> Expected | None:
    """Return what ``wheel`` is held to: what the report beside it held it to, else what its name says.

    Only what was built here must hold what the sdist installs. What nobody's report tells of is held to the glibc that
    ``matrix`` promises of its CUDA. None for a name that is not of the scheme. Raises what ``installed`` raises.
    """
    known = audit_verb.known(wheel) or _by_name(wheel.name, matrix)
    if known is None:
        return None
    known = replace(known, check_symbol=known.check_symbol or check_symbol(known.torch))
    release = matrix.flash_attn.get(known.flash_attn) if matrix else None
    if release is not None and known.built_here:
        known = replace(known, installed=installed(release, cache=cache_root(env), env=env))
    return known


def _by_name(filename: str, matrix: Matrix | None) -> Expected | None:
    try:
        named = Expected.of_name(wheelname.parse(filename))
    except ValueError:
        return None
    toolkits = matrix.toolkits.values() if matrix else ()
    promises = {
        image.promise
        for row in toolkits
        for machine, image in row.every_image.items()
        if (cuda_major(row.version), machine) == (named.cuda_major, named.machine)
    }
    return replace(named, manylinux=promises.pop() if len(promises) == 1 else None)
