"""Calls the audit, with all that is known here of what each wheel was to be."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from factory.audit import audit as audit_verb
from factory.audit import page as audit_page
from factory.audit.report import Report
from factory.cli import context, jobpage
from factory.kernels.installed import installed
from factory.matrix import wheelname
from factory.matrix.checksymbol import check_symbol
from factory.matrix.model import Matrix
from factory.output.console import Console
from factory.output.log import Log
from factory.system.cache import cache_root
from factory.wheel.facts import Expected


def audit(arguments: argparse.Namespace) -> int:
    """Check finished wheels; return the exit status. Raises AuditError with all findings."""
    reports: list[Report] = []
    matrix = context.matrix() if context.MATRIX.is_file() else None
    try:
        say, expect = Log(Console()).say, partial(expected, matrix=matrix, env=dict(os.environ))
        audit_verb.run(arguments.wheels, expect=expect, say=say, keep=reports.append)
    finally:
        jobpage.add(audit_page.markdown(reports, len(arguments.wheels)))
    return 0


def expected(wheel: Path, *, matrix: Matrix | None, env: Mapping[str, str]) -> Expected | None:
    """Return what ``wheel`` is held to: what the report beside it held it to, else what its name says.

    A torch of ``matrix`` has its own check function, whoever built for it. Only what was built here must hold
    what the sdist installs. None for a name that is not of the scheme. Raises what ``installed`` raises.
    """
    known = audit_verb.known(wheel) or _by_name(wheel.name)
    if known is None or matrix is None:
        return known
    torch, release = matrix.torch.get(known.torch), matrix.flash_attn.get(known.flash_attn)
    if torch is not None and known.check_symbol is None:
        known = replace(known, check_symbol=check_symbol(torch.series))
    if release is not None and known.built_here:
        known = replace(known, installed=installed(release, cache=cache_root(env), env=env))
    return known


def _by_name(filename: str) -> Expected | None:
    try:
        return Expected.of_name(wheelname.parse(filename))
    except ValueError:
        return None
