"""Brings an archive of a whole system into a container engine as an image that is known to work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from factory.errors import EngineError
from factory.image.check import last_lines, must
from factory.image.engine import Engine

_ENGINE_ITSELF = (125, 126, 127)  # statuses of an engine that could not run a program in a container


def take(archive: Path, name: str, *, changes: Sequence[str], trial: str, engine: Engine) -> None:
    """Import ``archive`` (a tar), run the shell script ``trial`` in it, and only then call it ``name``.

    ``changes`` are the image's settings, ``ENV A=b``. An image that had the name before goes, unless a container
    needs it. Raises ImageError where the image does not work, EngineError where none can be run, DiskFullError.
    """
    draft = f"{name}.draft"
    options = [word for change in changes for word in ("--change", change)]
    try:
        must(engine.run("import", *options, archive, draft), f"{engine} could not import the image")
        _try(draft, trial, engine)
        engine.run("rmi", name)
        must(engine.run("tag", draft, name), f"{engine} could not name the image {name}")
    finally:
        engine.run("rmi", draft)


def _try(draft: str, trial: str, engine: Engine) -> None:
    done = engine.run("run", "--rm", draft, "/bin/sh", "-c", trial)
    if done.status in _ENGINE_ITSELF:
        raise EngineError(
            f"{engine} could not run a container of the image it took",
            why=last_lines(done.stderr),
            remedy=f"Have `{engine.name} run` work on this machine, then the same command again.",
        )
    must(done, "the image that was made does not work, and was removed")
