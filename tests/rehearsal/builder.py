"""What GitHub's machines have and this one may lack: a container engine, and the image that wheels are built in."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from factory.errors import EngineError, FactoryError, UnreachableError
from factory.image import engine, pull
from factory.image.layout import name as builder_image
from factory.matrix.load import load as load_matrix
from factory.system import process
from tests.integration import enginebench
from tests.rehearsal.tree import Breakage


def prepare(root: Path, cuda: str, work: Path, say: Callable[[str], None]) -> str | None:
    """Have an engine and an image for ``cuda`` here; give the image's name if it is one of our own making.

    Where no engine answers Podman is installed, which takes root on Debian; where no registry can be reached the image
    is made, as ``nox -s image`` does. Raises Breakage where that cannot be.
    """
    enginebench.configure(work)
    try:
        found = engine.find(os.environ)
    except EngineError as error:
        if os.getuid() != 0:
            raise Breakage(str(error)) from error
        say("no container engine answers: installing Podman")
        found = enginebench.engine(work)
    own = builder_image(cuda)
    if found.run("image", "inspect", own, timeout=60).ok:
        return own
    named = load_matrix((root / "matrix.yaml").read_bytes()).toolkits[cuda].image
    try:
        if named is not None:
            pull.ensure(named, found, say)
            return None
    except UnreachableError as error:
        say(f"{error.what}; making one")
    except FactoryError as error:
        raise Breakage(str(error)) from error
    words = [sys.executable, "-m", "factory", "image", f"cu{cuda.replace('.', '')}"]
    if process.stream(words, line=say, cwd=root, env=os.environ):
        raise Breakage(f"the image {own} could not be made")
    return own
