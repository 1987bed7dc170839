"""Put audited and tested wheels, and the kernels they were made of, into releases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from factory.core.errors import GateError
from factory.core.model import Matrix
from factory.core.release import pools
from factory.core.release.contents import Origin
from factory.core.release.gate import Gate
from factory.core.release.parts import File, Goal
from factory.edge import publishable
from factory.edge.digest import sha256_of
from factory.edge.github import Repository
from factory.edge.publishable import Publishable
from factory.verb.publication import Patience, Publication

_PATIENCE = Patience()


def publish(
    wheels: Sequence[Path],
    *,
    rules: Matrix,
    github: Repository,
    say: Callable[[str], object],
    patience: Patience = _PATIENCE,
) -> tuple[str, ...]:
    """Publish ``wheels`` with what lies beside them; give the tags of their releases.

    Raises:
        GateError: A wheel must not be published; nothing was sent.
        PublishError: A release holds another file of a name, cannot take more, or GitHub kept failing.
    """
    publications = _publications(wheels, rules, _Means(github=github, patience=patience, say=say))
    for publication in publications:
        publication.retried(publication.settle)
    return tuple(publication.goal.tag for publication in publications)


def rehearse(
    wheels: Sequence[Path],
    *,
    rules: Matrix,
    github: Repository,
    say: Callable[[str], object],
    patience: Patience = _PATIENCE,
) -> None:
    """Say exactly what ``publish`` would do now, and change nothing. Raises what ``publish`` raises."""
    for publication in _publications(wheels, rules, _Means(github=github, patience=patience, say=say)):
        publication.retried(publication.rehearse)


def publish_pools(
    archives: Sequence[Path], *, github: Repository, say: Callable[[str], object], patience: Patience = _PATIENCE
) -> tuple[str, ...]:
    """Publish archives of whole kernel sets; give the tags of their releases. What is published of a name stays.

    Raises GateError for other files, and PublishError as ``publish`` does.
    """
    means = _Means(github=github, patience=patience, say=say)
    refusals = pools.refusals([path.name for path in archives])
    if refusals:
        raise GateError(
            "not everything may be published", why=refusals, remedy="Nothing was sent. nox -s pool -- export"
        )
    by_tag: dict[str, list[Path]] = {}
    for path in archives:
        by_tag.setdefault(pools.pool_tag(pools.version_of(path.name)), []).append(path)
    for tag, paths in by_tag.items():
        files = [File(name=path.name, size=path.stat().st_size, sha256=sha256_of(path)) for path in paths]
        goal = replace(_goal(tag, files, means), title=f"Kernels of flash-attn {tag.partition('-v')[2]}", kernels=True)
        publication = Publication(
            goal=goal,
            paths={path.name: path for path in paths},
            describe=lambda _wheels, _tested: "",  # a release of kernels has no wheels
            github=github,
            patience=patience,
            say=say,
        )
        publication.retried(publication.settle)
    return tuple(by_tag)


@dataclass(frozen=True, kw_only=True)
class _Means:
    github: Repository
    patience: Patience
    say: Callable[[str], object]


def _publications(paths: Sequence[Path], rules: Matrix, means: _Means) -> list[Publication]:
    gate = Gate.of(rules)
    by_tag: dict[str, list[Publishable]] = {}
    for wheel in _taken(paths, gate):
        by_tag.setdefault(wheel.tag, []).append(wheel)
    return [
        Publication(
            goal=_goal(tag, [file for wheel in group for file in wheel.files], means),
            paths={wheel.candidate.filename: wheel.path for wheel in group},
            describe=Origin(repository=means.github.name, tag=tag, rules=rules, cells=gate.cells).describe,
            github=means.github,
            patience=means.patience,
            say=means.say,
        )
        for tag, group in by_tag.items()
    ]


def _taken(paths: Sequence[Path], gate: Gate) -> list[Publishable]:
    """Read every wheel and what lies beside it. Raises GateError with everything against any of them."""
    wheels, complaints = [], []
    for path in paths:
        try:
            wheels.append(publishable.read(path))
        except ValueError as error:
            complaints.append(f"{path.name}: {error}")
    reasons = [*complaints, *gate.reasons([wheel.candidate for wheel in wheels])]
    if reasons:
        raise GateError(
            "not everything may be published",
            why=reasons,
            remedy="Nothing was sent. Audit with `nox -s audit -- WHEEL`, try on a GPU with "
            "`nox -s gpu_test -- WHEEL`, or leave out what must not go.",
        )
    return wheels


def _goal(tag: str, files: Iterable[File], means: _Means) -> Goal:
    return Goal(
        tag=tag,
        title=f"flash-attn {tag.removeprefix('v')}",
        repository=means.github.name,
        files=tuple(files),
        grace=timedelta(seconds=means.patience.grace),
        slowest=means.patience.slowest,
    )
