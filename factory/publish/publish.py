"""Put audited and tested wheels, and the kernels they were made of, into releases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from factory.errors import DigestError, Fault, GateError
from factory.github.attestation import BUNDLE
from factory.matrix.model import Matrix
from factory.output.progress import counted
from factory.pool import archivecheck
from factory.publish import bundle, pools
from factory.publish.bundle import Bundle
from factory.publish.gate import Gate, Installed, lines
from factory.publish.outlook import Outlook
from factory.publish.parts import File, Goal, Sent
from factory.publish.reconcile import Publication
from factory.publish.releases import Repository
from factory.publish.sbom import Origin
from factory.system.files import sha256_of
from factory.system.retry import RetryPolicy


@dataclass(frozen=True, kw_only=True)
class Means:
    """What publishing works with, and on which terms files are taken.

    ``installed`` says which files a wheel must hold. ``attest`` is asked of each file and raises DigestError of those
    it refuses, None asks nobody. ``partial`` lets the others be published where some may not. In a ``dry_run`` all is
    said that would be done, and nothing changed.
    """

    github: Repository
    say: Callable[[str], object]
    installed: Installed
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    attest: Callable[[Path], None] | None = None
    partial: bool = False
    dry_run: bool = False


def publish(wheels: Sequence[Path], *, matrix: Matrix, means: Means) -> tuple[tuple[Sent, ...], tuple[str, ...]]:
    """Publish ``wheels`` with what lies beside them; return what their releases came to, and why others may not go.

    Raises:
        GateError: A wheel must not be published, or on partial terms none may. Nothing was sent.
        PublishError: A release holds another file of a name, cannot take more, or GitHub kept failing.
    """
    publications, refused = _publications(wheels, matrix, means)
    return _done(publications, means), refused


def publish_pools(archives: Sequence[Path], *, means: Means) -> tuple[Sent, ...]:
    """Publish archives of whole kernel sets; return what their releases came to. What is published of a name stays.

    Raises GateError for other files and for archives that do not hold what they must, and PublishError as
    ``publish`` does.
    """
    refusals = [*pools.refusals([path.name for path in archives]), *_unattested(archives, means).values()]
    by_set: dict[str, list[Path]] = {}
    for path in () if refusals else archives:
        by_set.setdefault(pools.set_of(path.name), []).append(path)
    refusals += [line for name, paths in by_set.items() for line in archivecheck.complaints(name, paths)]
    if refusals:
        raise GateError(
            "not everything may be published",
            faults=[Fault(said=line) for line in refusals],
            remedy="Nothing was sent. nox -s pool -- export",
        )
    by_tag: dict[str, list[Path]] = {}
    for path in archives:
        by_tag.setdefault(pools.pool_tag(pools.version_of(path.name)), []).append(path)
    return _done([_of_pools(tag, paths, means) for tag, paths in by_tag.items()], means)


def _of_pools(tag: str, paths: Sequence[Path], means: Means) -> Publication:
    beside = [path.with_name(path.name + suffix) for path in paths for suffix in (BUNDLE, pools.REPRODUCED)]
    sent = [path for path in (*beside, *paths) if path.is_file()]
    files = [File(name=path.name, size=path.stat().st_size, sha256=sha256_of(path)) for path in sent]
    return Publication(
        goal=replace(_goal(tag, files, means), title=f"Kernels of flash-attn {tag.partition('-v')[2]}", kernels=True),
        paths={path.name: path for path in sent},
        describe=lambda _wheels, _tested: "",  # a release of kernels has no wheels
        github=means.github,
        policy=means.policy,
        say=means.say,
    )


def _done(publications: Sequence[Publication], means: Means) -> tuple[Sent, ...]:
    """Bring every release to its goal, or in a dry run say what that would take, and give nothing."""
    for publication in publications:
        publication.retried(publication.rehearse if means.dry_run else publication.settle)
    if means.dry_run and publications:
        whole = sum((publication.outlook for publication in publications), Outlook())
        releases = counted(len(publications), "release")
        means.say(f"publish (dry run): in all, for {releases}: {whole.line(means.github.rules)}")
    return () if means.dry_run else tuple(publication.sent() for publication in publications)


def _publications(paths: Sequence[Path], matrix: Matrix, means: Means) -> tuple[list[Publication], tuple[str, ...]]:
    gate = Gate.of(matrix)
    wheels, refused = _taken(paths, gate, means)
    by_tag: dict[str, list[Bundle]] = {}
    for wheel in wheels:
        by_tag.setdefault(wheel.tag, []).append(wheel)
    made = [
        Publication(
            goal=_goal(tag, [file for wheel in group for file in wheel.files], means),
            paths={wheel.candidate.filename: wheel.path for wheel in group},
            describe=Origin(
                repository=means.github.name,
                tag=tag,
                parts={wheel.path.name: wheel.candidate.parts for wheel in group},
                attested=means.attest is not None,
            ).describe,
            github=means.github,
            policy=means.policy,
            say=means.say,
        )
        for tag, group in by_tag.items()
    ]
    return made, refused


def refusal(reasons: Sequence[str], *, sent: bool) -> GateError:
    """Return the error that says why wheels may not be published."""
    return GateError(
        "not everything may be published",
        faults=[Fault(said=reason) for reason in reasons],
        remedy=f"{'The others are published' if sent else 'Nothing was sent'}. Audit with `nox -s audit -- WHEEL`, "
        "try on a GPU with `nox -s gpu_test -- WHEEL`, or leave out what must not go.",
    )


def _taken(paths: Sequence[Path], gate: Gate, means: Means) -> tuple[list[Bundle], tuple[str, ...]]:
    """Read every wheel and what lies beside it; return those that may go, and everything against the others.

    Raises GateError where something is against one and nothing is to go in part, or where none may go.
    """
    against = _unattested(paths, means)
    wheels: list[Bundle] = []
    for path in paths:
        try:
            wheels.append(bundle.read(path, gate, means.installed))
        except ValueError as error:
            against[path] = f"{path.name}: {error}"
    judged = gate.judge([wheel.candidate for wheel in wheels], refused={path.name for path in against})
    reasons = (*against.values(), *lines(judged))
    good = [wheel for wheel, one in zip(wheels, judged, strict=True) if wheel.path not in against and not one.reasons]
    if reasons and not (means.partial and good):
        raise refusal(reasons, sent=False)
    return good, reasons


def _unattested(paths: Sequence[Path], means: Means) -> dict[Path, str]:
    """Return for each file that must be attested and that is not, why."""
    if means.attest is None:
        return {}
    found: dict[Path, str] = {}
    for path in paths:
        try:
            means.attest(path)
        except DigestError as error:
            found[path] = "; ".join([error.what, *error.why])
    return found


def _goal(tag: str, files: Iterable[File], means: Means) -> Goal:
    return Goal(
        tag=tag,
        title=f"flash-attn {tag.removeprefix('v')}",
        repository=means.github.name,
        files=tuple(files),
        grace=timedelta(seconds=means.policy.grace),
        slowest=means.policy.slowest,
    )
