"""What a job's token may do."""

from __future__ import annotations

from collections.abc import Mapping

from tests.rehearsal.tree import Tree, Where

SCOPES = (
    *("actions", "attestations", "checks", "contents", "deployments", "discussions", "id-token", "issues", "models"),
    *("packages", "pages", "pull-requests", "repository-projects", "security-events", "statuses"),
)
_LEVELS = ("none", "read", "write")
Permissions = Mapping[str, str]
DEFAULT: Permissions = {"contents": "read", "packages": "read"}  # of a new repository, where no workflow says more


def read(tree: Tree | None, otherwise: Permissions) -> Permissions:
    """Give what ``permissions`` says; a scope that is left out is ``none``."""
    if tree is None:
        return otherwise
    if isinstance(tree.value, str):
        return dict.fromkeys(SCOPES, tree.value.removesuffix("-all"))
    said = tree.known(*SCOPES)
    return {scope: one.text for scope, one in said.items()}


def allows(permissions: Permissions, scope: str, level: str) -> bool:
    return _LEVELS.index(permissions.get(scope, "none")) >= _LEVELS.index(level)


def check_nested(asked: Permissions, ceiling: Permissions, where: Where) -> None:
    """Raise Breakage where a called workflow's job asks for more than its caller gives: GitHub starts no such run."""
    over = [f"{scope}: {level}" for scope, level in asked.items() if not allows(ceiling, scope, level)]
    if over:
        raise where.breaks(f"the called workflow asks for {', '.join(over)}, which the job that calls it does not give")
