"""The steps from what a release holds to what it is to hold, and what each of them changes.

Publishing is append-only: a finished asset is never replaced and never removed. A step is taken, the release is
looked at again, and the next steps follow from what is there then, whoever put it there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from factory.errors import PublishError
from factory.github.ratelimit import Limits
from factory.output.progress import counted
from factory.publish import body, checksums
from factory.publish.parts import Asset, File, Goal, Release, Seen

_MB = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Create:
    """Make the draft that everything is put into first."""

    tag: str

    def __str__(self) -> str:
        """Return what happens, in words."""
        return f"make the draft release {self.tag}"


@dataclass(frozen=True, kw_only=True)
class Upload:
    """Put a file into the release."""

    file: File

    def __str__(self) -> str:
        """Return what happens, in words."""
        return f"upload {self.file.name} ({self.file.size / _MB:.1f} MB, sha256 {self.file.sha256})"


@dataclass(frozen=True, kw_only=True)
class Remove:
    """Remove what an upload that broke off left."""

    asset: Asset

    def __str__(self) -> str:
        """Return what happens, in words."""
        return f"remove the half-uploaded {self.asset.name}"


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Let uploads that somebody else may have running come to their end."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        """Return what happens, in words."""
        return f"wait for another upload of {', '.join(self.names)}"


@dataclass(frozen=True, kw_only=True)
class Publish:
    """Set the text of the release and make it public, if it is not yet."""

    tag: str
    body: str
    draft: bool

    def __str__(self) -> str:
        """Return what happens, in words."""
        return f"publish the release {self.tag}" if self.draft else f"renew the text of the release {self.tag}"


Step = Create | Upload | Remove | Wait | Publish


def steps(goal: Goal, seen: Seen, limits: Limits, describe: checksums.Describe) -> tuple[Step, ...]:
    """Return the next steps towards ``goal``; none when all of it is there.

    Raises PublishError with everything that must not or cannot be published.
    """
    complaints = tuple(_complaints(goal, seen, limits))
    if complaints:
        raise PublishError(
            f"the release {goal.tag} cannot take what is to be published",
            why=complaints,
            remedy="Nothing was changed now. What is published stays as it is; a changed wheel needs another version.",
        )
    if seen.release is None:
        return (Create(tag=goal.tag),)
    taken = _files(goal, seen) or _lists(goal, seen, describe) or _text(goal, seen.release, limits)
    if taken and seen.release.immutable and not seen.release.draft:
        raise _frozen(seen.release, taken)
    return taken


def after(step: Step, seen: Seen) -> Seen:
    """Return what will be there after ``step``, if nothing goes wrong."""
    release = seen.release or Release(id=0, tag="", draft=True, immutable=False, body="")
    match step:
        case Create(tag=tag):
            release = replace(release, tag=tag)
        case Upload(file=file):
            number = max((asset.id for asset in release.assets), default=0) + 1
            asset = Asset(id=number, name=file.name, size=file.size, sha256=file.sha256, finished=True)
            release = replace(release, assets=(*release.assets, asset))
            if file.content is not None and checksums.is_list(file.name):
                seen = replace(seen, texts={**seen.texts, file.name: file.content.decode()})
        case Remove(asset=gone):
            release = replace(release, assets=tuple(asset for asset in release.assets if asset.id != gone.id))
        case Wait(names=names):  # if they come to no end, they are replaced
            left = tuple(asset for asset in release.assets if asset.finished or asset.name not in names)
            release = replace(release, assets=left)
        case Publish(body=text):
            release = replace(release, body=text, draft=False)
    return replace(seen, release=release)


def _complaints(goal: Goal, seen: Seen, limits: Limits) -> Iterator[str]:
    there = {asset.name: asset for asset in seen.release.assets} if seen.release else {}
    for file in goal.files:
        if not 0 < file.size < limits.asset_bytes:
            yield f"{file.name}: {file.size} bytes; GitHub takes 1 to {limits.asset_bytes - 1}"
        asset = there.get(file.name)
        if asset and asset.finished and asset.sha256 != file.sha256 and not goal.kernels:
            yield f"{file.name}: published with sha256 {asset.sha256}, here it has {file.sha256}"
    names = there.keys() | {file.name for file in goal.files}
    lists_needed = 2 * (not names <= there.keys())
    if len(names) + lists_needed > limits.assets:
        yield f"it would hold {counted(len(names) + lists_needed, 'file')}; GitHub takes {limits.assets} in one release"


def _files(goal: Goal, seen: Seen) -> tuple[Step, ...]:
    there = {asset.name: asset for asset in seen.release.assets} if seen.release else {}
    taken: list[Step] = []
    running = []
    for file in goal.files:
        asset = there.get(file.name)
        if asset is None:
            taken.append(Upload(file=file))
        elif asset.finished:
            continue
        elif _abandoned(goal, seen, asset, file.size):
            taken += [Remove(asset=asset), Upload(file=file)]
        else:
            running.append(file.name)
    return tuple(taken) or ((Wait(names=tuple(running)),) if running else ())


def _lists(goal: Goal, seen: Seen, describe: checksums.Describe) -> tuple[Step, ...]:
    assets = seen.release.assets if seen.release else ()
    unfinished = [asset for asset in assets if checksums.is_list(asset.name) and not asset.finished]
    if unfinished:
        dead = [asset for asset in unfinished if _abandoned(goal, seen, asset, 0)]
        return tuple(Remove(asset=asset) for asset in dead) or (Wait(names=tuple(one.name for one in unfinished)),)
    taken: list[Step] = []
    ours = frozenset(file.name for file in goal.files)
    while file := checksums.missing(seen, describe, ours):
        taken.append(Upload(file=file))
        seen = after(taken[-1], seen)
    return tuple(taken)


def _text(goal: Goal, release: Release, limits: Limits) -> tuple[Step, ...]:
    text = body.renewed(release, goal.repository, limits.body_characters, kernels=goal.kernels)
    wanted = release.draft or text != release.body
    return (Publish(tag=goal.tag, body=text, draft=release.draft),) if wanted else ()


def _abandoned(goal: Goal, seen: Seen, asset: Asset, size: int) -> bool:
    return asset.name in seen.broken or seen.now - asset.created >= goal.policy(size)


def _frozen(release: Release, taken: tuple[Step, ...]) -> PublishError:
    return PublishError(
        f"the release {release.tag} is immutable and takes nothing any more",
        why=[f"left to do: {step}" for step in taken],
        remedy="Publish all wheels of a version at once, or switch immutable releases off in the repository's settings "
        "for the versions to come.",
    )
