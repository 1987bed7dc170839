"""Stands in for the actions that give a job its files and programs."""

from __future__ import annotations

import os
import sys

from factory.environment import interpreter
from factory.errors import InterpreterError
from factory.system import process
from tests.rehearsal.artifacts import Refused
from tests.rehearsal.steps import Action, Call


def _checkout(call: Call) -> dict[str, str]:
    """Fetch the one commit, as deep as asked for, into a fresh folder."""
    call.place.need("contents", "read")
    source = call.place.run.source
    if call.inputs["repository"] not in {"", source.repository}:
        raise call.where.breaks(f"only {source.repository} can be checked out here, not {call.inputs['repository']}")
    target = call.place.machine.workspace / call.inputs["path"]
    wanted = call.inputs["ref"] or source.sha
    depth = int(call.inputs["fetch-depth"])
    for words in (
        ("init", "--quiet", "--initial-branch", source.branch, str(target)),
        ("-C", str(target), "remote", "add", "origin", f"{call.place.run.forge.server}/{source.repository}"),
        ("-C", str(target), "fetch", "--quiet", *([f"--depth={depth}"] if depth else []), source.path.as_uri(), wanted),
        ("-C", str(target), "checkout", "--quiet", "--detach", "FETCH_HEAD"),
    ):
        done = process.run(["git", *words], env=call.place.machine.environment(), timeout=300)
        if not done.ok:
            raise Refused(f"git {words[0]}: {done.stderr.strip()}")
    return {"ref": call.inputs["ref"], "commit": wanted}


def _setup_python(call: Call) -> dict[str, str]:
    """Put this machine's Python of a version first on PATH, in an environment of its own that may be changed."""
    wanted = call.inputs["python-version"]
    try:
        found = interpreter.find(wanted, os.environ)
    except InterpreterError as error:
        raise Refused(str(error)) from error
    home = call.place.machine.tools / "Python" / wanted
    done = process.run([sys.executable, "-m", "virtualenv", "--quiet", "--python", found, home], timeout=300)
    if not done.ok:
        raise Refused(f"no environment could be made of {found}: {done.stderr.strip()}")
    call.place.machine.paths.append(str(home / "bin"))
    call.place.machine.added |= {"pythonLocation": str(home), "Python_ROOT_DIR": str(home)}
    return {"python-version": wanted, "python-path": str(home / "bin" / "python")}


CHECKOUT = Action(
    inputs={
        "repository": "",
        "ref": "",
        "path": "",
        "token": "",
        "fetch-depth": "1",
        "persist-credentials": "true",
    },
    outputs=("ref", "commit"),
    act=_checkout,
)
SETUP_PYTHON = Action(
    inputs={"python-version": None}, outputs=("python-version", "python-path", "cache-hit"), act=_setup_python
)
