"""Stands in for the actions that keep files: artifacts for the jobs of this run, caches for runs to come."""

from __future__ import annotations

import glob
from functools import partial
from pathlib import Path

from tests.rehearsal.artifacts import Refused
from tests.rehearsal.found import absolute, find
from tests.rehearsal.steps import Action, Call

_MISSING = ("warn", "error", "ignore")


def _upload(call: Call) -> dict[str, str]:
    """Keep files as an artifact; where there are none, do as ``if-no-files-found`` says."""
    machine = call.place.machine
    missing = call.inputs["if-no-files-found"]
    if missing not in _MISSING:
        raise call.where.breaks(f"if-no-files-found is {missing!r}, none of {', '.join(_MISSING)}")
    found = find(call.inputs["path"], machine.workspace, machine.home, hidden=call.flag("include-hidden-files"))
    name = call.inputs["name"]
    if not found.files:
        if missing == "error":
            raise Refused(f"no files were found with the provided path: {call.inputs['path'].strip()}")
        machine.say(f"no files for the artifact {name}")
        return {}
    number = call.place.run.artifacts.upload(name, found, overwrite=call.flag("overwrite"))
    machine.say(f"artifact {name}: {', '.join(str(file.relative_to(found.root)) for file in found.files)}")
    return {"artifact-id": str(number), "artifact-url": "", "artifact-digest": ""}


def _download(call: Call) -> dict[str, str]:
    """Bring one artifact by name or number, or all of a pattern, each into its own folder unless they are merged."""
    artifacts, name = call.place.run.artifacts, call.inputs["name"]
    into = Path(absolute(call.inputs["path"], call.place.machine.workspace, call.place.machine.home))
    if call.inputs["artifact-ids"]:
        artifacts.download(artifacts.named(int(call.inputs["artifact-ids"])), into)
    elif name:
        artifacts.download(name, into)
    else:
        merged = call.flag("merge-multiple")
        names = artifacts.names(call.inputs["pattern"] or "*")
        for one in names:
            artifacts.download(one, into if merged else into / one)
        call.place.machine.say(f"artifacts: {', '.join(names) or 'none'}")
    return {"download-path": str(into)}


def _restore(call: Call) -> dict[str, str]:
    """Bring what was cached under the key, or was last cached under one that begins with a restore key."""
    key, caches = call.inputs["key"], call.place.run.caches
    keys = [key, *(line.strip() for line in call.inputs["restore-keys"].splitlines() if line.strip())]
    found = caches.find(keys, call.inputs["path"])
    call.place.machine.say(f"cache: {found or 'nothing'} for {key}")
    outputs = {"cache-primary-key": key, "cache-matched-key": found or ""}
    if found is None:
        if call.flag("fail-on-cache-miss"):
            raise Refused(f"nothing is cached for {key}")
        return outputs
    if not call.flag("lookup-only"):
        caches.restore(found, call.inputs["path"], _paths(call))
    return {**outputs, "cache-hit": str(found == key).lower()}


def _save(call: Call) -> dict[str, str]:
    """Cache the paths; what is cached under a key already stays."""
    machine, paths = call.place.machine, _paths(call)
    if not any(path.exists() for path in paths):
        machine.say("cache: nothing is saved, for none of the paths exists")
    elif not call.place.run.caches.save(call.inputs["key"], call.inputs["path"], paths):
        machine.say(f"cache: {call.inputs['key']} is there already, and stays as it is")
    return {}


def _cache(call: Call) -> dict[str, str]:
    """Restore now, and save at the end of a job that did well."""
    outputs = _restore(call)
    if outputs.get("cache-hit") != "true":
        call.place.after.append(partial(_save, call))
    return outputs


def _paths(call: Call) -> list[Path]:
    lines = [line.strip() for line in call.inputs["path"].splitlines() if line.strip()]
    if any(glob.has_magic(line) or line.startswith("!") for line in lines):
        raise call.where.breaks("patterns in the path of a cache are not rehearsed")
    return [Path(absolute(line, call.place.machine.workspace, call.place.machine.home)) for line in lines]


UPLOAD = Action(
    inputs={
        "name": "artifact",
        "path": None,
        "if-no-files-found": "warn",
        "retention-days": "",
        "compression-level": "6",
        "overwrite": "false",
        "include-hidden-files": "false",
    },
    outputs=("artifact-id", "artifact-url", "artifact-digest"),
    act=_upload,
)
DOWNLOAD = Action(
    inputs={
        "name": "",
        "path": "",
        "pattern": "",
        "artifact-ids": "",
        "merge-multiple": "false",
        "digest-mismatch": "error",
    },
    outputs=("download-path",),
    act=_download,
)
_KEYS = {"path": None, "key": None, "restore-keys": "", "fail-on-cache-miss": "false", "lookup-only": "false"}
_FOUND = ("cache-hit", "cache-primary-key", "cache-matched-key")
RESTORE = Action(inputs=_KEYS, outputs=_FOUND, act=_restore)
SAVE = Action(inputs={"path": None, "key": None}, outputs=(), act=_save)
CACHE = Action(inputs=_KEYS, outputs=("cache-hit",), act=_cache)
