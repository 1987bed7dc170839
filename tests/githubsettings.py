"""A repository's settings in GitHub's own words, for the local server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WHEN = "2026-11-23T12:00:00Z"
_API = "https://api.github.com/repos/someone/wheels"


def runners(there: Mapping[str, bool | None]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for number, (name, ephemeral) in enumerate(there.items(), 1):
        row = {"id": number, "name": name, "os": "linux", "status": "online", "busy": False, "labels": []}
        rows.append(row if ephemeral is None else {**row, "ephemeral": ephemeral})
    return {"total_count": len(rows), "runners": rows}


def environment(name: str, patterns: tuple[str, ...] | None) -> dict[str, Any]:
    policy = None if patterns is None else {"protected_branches": False, "custom_branch_policies": True}
    return {
        "id": 1,
        "node_id": "E",
        "name": name,
        "url": f"{_API}/environments/{name}",
        "html_url": f"https://github.com/someone/wheels/deployments/activity_log?environments_filter={name}",
        "created_at": _WHEN,
        "updated_at": _WHEN,
        "protection_rules": [],
        "deployment_branch_policy": policy,
    }


def policies(_name: str, patterns: tuple[str, ...] | None) -> dict[str, Any]:
    rows = [{"id": 1, "node_id": "P", "name": one, "type": "branch"} for one in patterns or ()]
    return {"total_count": len(rows), "branch_policies": rows}
