"""Stands in for the actions of GitHub Pages."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from tests.rehearsal.artifacts import Refused
from tests.rehearsal.found import Found, absolute, find
from tests.rehearsal.steps import Action, Call


def _configure(call: Call) -> dict[str, str]:
    call.place.need("pages", "read")
    url = call.place.run.forge.pages
    parts = urlsplit(url)
    return {
        "base_url": url,
        "origin": f"{parts.scheme}://{parts.netloc}",
        "host": parts.netloc,
        "base_path": parts.path,
    }


def _upload(call: Call) -> dict[str, str]:
    machine = call.place.machine
    site = absolute(call.inputs["path"], machine.workspace, machine.home)
    found = find(site, machine.workspace, machine.home, hidden=True)
    if not found.files:
        raise Refused(f"there is no site in {call.inputs['path']}")
    whole = Found(Path(site), found.files)
    return {"artifact_id": str(call.place.run.artifacts.upload(call.inputs["name"], whole, overwrite=False))}


def _deploy(call: Call) -> dict[str, str]:
    """Serve the site from now on."""
    for scope in ("pages", "id-token"):
        call.place.need(scope, "write")
    if not call.place.environment:
        raise Refused("Missing environment. Ensure your workflow's deployment job has an environment.")
    site = call.place.run.work / "pages" / str(len(call.place.run.rows))
    call.place.run.artifacts.download(call.inputs["artifact_name"], site)
    call.place.run.forge.publish(site)
    return {"page_url": call.place.run.forge.pages}


CONFIGURE = Action(
    inputs={"token": "", "enablement": "false"},
    outputs=("base_url", "origin", "host", "base_path"),
    act=_configure,
)
UPLOAD = Action(
    inputs={"name": "github-pages", "path": "_site/", "retention-days": "1"}, outputs=("artifact_id",), act=_upload
)
DEPLOY = Action(inputs={"artifact_name": "github-pages", "token": ""}, outputs=("page_url",), act=_deploy)
