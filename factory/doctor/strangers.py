"""What stands between strangers and a repository's machines and releases, told from its settings."""

from __future__ import annotations

from collections.abc import Iterator

from factory.doctor.result import Line, Purpose, Section, ok, problem, warning
from factory.github.settings import Settings
from factory.matrix.model import Matrix

_ALL = "all_external_contributors"
_APPROVAL = "Settings > Actions > General > Approval for running fork pull request workflows: all external contributors"
_EPHEMERAL = "Register it anew with ./config.sh --ephemeral, and in an organisation in a runner group: docs/fork.md"
_DEPLOYING = "Settings > Environments > {}: Deployment branches and tags > Selected > main"
_TAKEN = (("branch main",), ("protected branches",))


def section(repository: str, settings: Settings, matrix: Matrix) -> Section:
    """Return what ``settings`` say; with machines of one's own, strangers that reach them stand in the way."""
    lines = (*_approval(settings, matrix), *_runners(settings), *_deploying(settings))
    return Section(purpose=Purpose.GITHUB, against=repository, lines=lines)


def _approval(settings: Settings, matrix: Matrix) -> Iterator[Line]:
    said = f"pull requests that wait for an approval: {settings.approval}"
    own = bool(settings.runners or matrix.runners.gpu or not matrix.runners.hosted)
    if settings.approval == _ALL:
        yield ok("approval", said)
    elif own:
        yield problem("approval", f"{said}; the others bring workflows of their own to your machines", _APPROVAL)
    else:
        yield warning("approval", f"{said}; there is no machine of your own yet", _APPROVAL)


def _runners(settings: Settings) -> Iterator[Line]:
    if not settings.runners:
        yield ok("runners", "the repository has none of its own; an organisation's are not seen from here")
    for one in settings.runners:
        if one.ephemeral:
            yield ok("runners", f"{one.name} takes one job and is gone")
        else:
            stays = "stays after a job" if one.ephemeral is False else "may stay after a job, GitHub does not say"
            yield warning("runners", f"{one.name} {stays}: what one leaves behind meets the next", _EPHEMERAL)


def _deploying(settings: Settings) -> Iterator[Line]:
    for name, patterns in settings.deploying.items():
        if patterns in _TAKEN:
            yield ok("environments", f"{name}: {', '.join(patterns)}")
        else:
            who = "every branch and tag" if patterns is None else ", ".join(patterns) or "nobody"
            remedy = _DEPLOYING.format(name)
            yield problem("environments", f"{name} may be deployed to by {who}, changed workflows and all", remedy)
