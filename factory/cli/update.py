"""Calls the verb that watches for what is new."""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from factory.cli import context, jobpage, repository
from factory.data import DATA
from factory.environment.lock import Wanted, lock
from factory.errors import FactoryError
from factory.image import registry
from factory.matrix.model import Matrix
from factory.output.console import Console
from factory.output.log import Log
from factory.system.retry import TroubleError
from factory.update import actionrelease, packages, page, watch
from factory.update import update as update_verb
from factory.update.actions import Action, pins
from factory.update.issues import Issues
from factory.update.ledger import Issue
from factory.update.watch import Observed, Sources

_WORKFLOWS = Path(".github")
_SILENCE = 20.0  # seconds


def update(arguments: argparse.Namespace) -> int:
    """Look at what is published, and open an issue for each thing that is new; return the exit status.

    What could not be looked at is said, and is no failure while something could be. Raises UsageError where no
    repository is known, MatrixError, UnreachableError where nothing could be looked at, and UpdateError.
    """
    log = Log(Console())
    named = None if arguments.dry_run else repository.needed(arguments.repository)
    matrix = context.matrix()
    observed = watch.watch(matrix, _pins(), _sources(matrix), log.say)
    if named is None:
        update_verb.rehearse(observed.proposals, listed=_listed(arguments.repository, log), say=log.say)
        return 0
    jobpage.add(page.markdown(observed.proposals, _opened(observed, named, log), observed.silent))
    return 0


def _opened(observed: Observed, named: str, log: Log) -> dict[str, int]:
    if not observed.proposals:
        return {}
    with _issues(named) as issues:
        return update_verb.update(observed.proposals, issues=issues, say=log.say)


def _listed(named: str | None, log: Log) -> tuple[Issue, ...]:
    """Return the issues there are; none where that cannot be known, which is said."""
    try:
        with _issues(repository.needed(named)) as issues:
            return issues.listed()
    except (FactoryError, TroubleError) as error:
        log.say(f"update (dry run): what has an issue already is not known: {'; '.join(str(error).splitlines())}")
        return ()


def _issues(named: str) -> contextlib.closing[Issues]:
    return contextlib.closing(
        Issues(named, token=os.environ.get("GITHUB_TOKEN"), api=repository.api(), silence=_SILENCE)
    )


def _sources(matrix: Matrix) -> Sources:
    env = dict(os.environ)
    return Sources(
        listed=lambda project, index: packages.listed(project, env, index=index),
        metadata=packages.metadata,
        digest=partial(registry.digest, env=env),
        tags=partial(registry.tags, env=env),
        newest=partial(actionrelease.newest, token=env.get("GITHUB_TOKEN"), api=repository.api()),
        locked=partial(_locked, matrix, env),
        now=datetime.now(UTC),
    )


def _locked(matrix: Matrix, env: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the texts of the lock files that are here, and of those resolved anew."""
    with tempfile.TemporaryDirectory() as directory:
        wanted = Wanted(matrix=matrix, groups=context.groups())
        lock(wanted, locks=Path(directory), env=env, say=lambda _: None)
        return _texts(DATA / "locks"), _texts(Path(directory))


def _texts(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.txt"))}


def _pins() -> tuple[Action, ...]:
    texts = (path.read_text(encoding="utf-8") for path in sorted(_WORKFLOWS.rglob("*.yml")))
    return tuple(dict.fromkeys(pin for text in texts for pin in pins(text)))
