"""Calls the verb that fetches a published wheel: download."""

from __future__ import annotations

import argparse
import os

from factory.cli import context, repository
from factory.github import attestation
from factory.index import download as download_verb
from factory.index import probe, wheelsjson
from factory.output.console import Console
from factory.output.log import Log
from factory.system.download import fetch


def download(arguments: argparse.Namespace) -> int:
    """Fetch the wheel that fits this machine, or the cell that was named; return the exit status.

    Raises what ``factory.index.download`` raises, InterpreterError, UsageError where no repository is known.
    """
    env, matrix, log = dict(os.environ), context.matrix(shipped=True), Log(Console())
    edges = download_verb.Edges(
        python=lambda: arguments.python or probe.interpreter(env),
        here=lambda python: probe.read(python, env),
        fetch=lambda wheel, target: fetch(wheel.url, wheel.sha256, target),
        attest=lambda file, url: attestation.verify(file, url, env),
        say=log.say,
    )
    asked = download_verb.environment(arguments.selector, arguments.profile or context.PROFILE, edges, matrix)
    published = wheelsjson.read(arguments.index or repository.pages(repository.needed(arguments.repository)))
    download_verb.download(asked, published, matrix=matrix, into=arguments.to, edges=edges)
    return 0
