"""Look at what is really published, and propose what ``matrix.yaml`` and the workflows do not know yet.

Whoever does not answer is named in a line and keeps nobody else from being asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

from packaging.version import Version

from factory.errors import FactoryError, UnreachableError
from factory.matrix.imagename import ImageName
from factory.matrix.model import Matrix
from factory.system import cooldown
from factory.system.retry import TroubleError
from factory.update import actions, flashattn, images, locked, torch
from factory.update.actions import Action, Tag
from factory.update.images import Family
from factory.update.listing import IndexFile, TorchFile, wheels
from factory.update.metadata import Needs, needs
from factory.update.proposal import Proposal
from factory.update.torch import TorchRelease

_INDEX, _GITHUB, _LOCKS = "the package index", "GitHub", "uv"
Thing = TypeVar("Thing")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What can be asked. ``listed`` takes a project and the address of an index, None for the default one;
    ``newest`` takes the repository of an action. ``locked`` gives the texts of the lock files by name: those there
    are, and those that they would be ``now``, in UTC.
    """

    listed: Callable[[str, str | None], tuple[IndexFile, ...]]
    metadata: Callable[[IndexFile], str]
    digest: Callable[[ImageName], str]
    tags: Callable[[ImageName], tuple[str, ...]]
    newest: Callable[[str], Tag]
    locked: Callable[[], tuple[Mapping[str, str], Mapping[str, str]]]
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What is proposed, and a line for each thing that could not be looked at."""

    proposals: tuple[Proposal, ...]
    silent: tuple[str, ...]


def watch(matrix: Matrix, pins: Sequence[Action], sources: Sources, say: Callable[[str], object]) -> Observed:
    """Ask all ``sources`` once and return what is new; ``pins`` are the actions that the workflows use.

    Raises UnreachableError where not one of them could be asked; if at least one could, that is no failure.
    """
    look = _Look(matrix=matrix, sources=sources, say=say)
    made = [*look.flash_attn(), *look.torch(), *look.digests(), *look.cudas(), *look.actions(pins), *look.locks()]
    if look.answers == 0 and look.silent:
        remedy = "Try again where at least one of them can be reached: nox -s update -- --dry-run"
        raise UnreachableError("nothing could be looked at", why=look.silent, remedy=remedy)
    return Observed(proposals=tuple(made), silent=tuple(look.silent))


@dataclass(kw_only=True)
class _Look:
    """One round; who did not answer once is not asked again."""

    matrix: Matrix
    sources: Sources
    say: Callable[[str], object]
    answers: int = 0
    silent: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def ask(self, what: str, whom: str, question: Callable[[], Thing]) -> Thing | None:
        """Return the answer; None where there is none, which is said."""
        if whom in self.gone:
            self.unanswered(what, f"{whom} did not answer before")
            return None
        try:
            answer = question()
        except (UnreachableError, TroubleError) as error:
            self.gone.add(whom)
            self.unanswered(what, _reason(error))
        except (FactoryError, ValueError) as error:
            self.unanswered(what, _reason(error))
        else:
            self.answers += 1
            return answer
        return None

    def unanswered(self, what: str, reason: str) -> None:
        """Keep and say what could not be looked at."""
        self.silent.append(f"{what}: {reason}")
        self.say(f"update: not looked at: {what}: {reason}")

    def told(self, what: str, proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
        """Say what is proposed, or that nothing is."""
        made = tuple(proposals)
        for line in [proposal.title for proposal in made] or [f"{what}: nothing new"]:
            self.say(f"update: {line}")
        return made

    def flash_attn(self) -> tuple[Proposal, ...]:
        """Propose releases of flash-attn."""
        files = self.ask(flashattn.PROJECT, _INDEX, partial(self.sources.listed, flashattn.PROJECT, None))
        return () if files is None else self.told(flashattn.PROJECT, flashattn.proposals(self.matrix, files))

    def torch(self) -> tuple[Proposal, ...]:
        """Propose releases of torch."""
        files = self.ask(torch.PROJECT, _INDEX, partial(self.sources.listed, torch.PROJECT, None))
        if files is None:
            return ()
        found = wheels(files)
        versions = torch.new_versions(self.matrix, found)
        releases = (self.release(version, torch.pythons_of(version, found)) for version in versions)
        return self.told(torch.PROJECT, (torch.proposal(self.matrix, release) for release in releases))

    def release(self, version: Version, found: Mapping[str, TorchFile]) -> TorchRelease:
        """Read what a wheel of a new torch says, and which other indexes list it if its series is new."""
        wheel = torch.most_telling(self.matrix, found)
        others = () if torch.is_known(self.matrix, version) else tuple(torch.other_indexes(self.matrix))
        listed = {
            index: self.ask(f"torch on {index}", _host(index), partial(self.has, index, version)) for index in others
        }
        return TorchRelease(
            version=version,
            pythons=tuple(found),
            read=wheel.file.name,
            needs=self.ask(f"the metadata of {wheel.file.name}", _host(wheel.file.url), partial(self.needs, wheel)),
            elsewhere=tuple(index for index, there in listed.items() if there),
            silent=tuple(index for index, there in listed.items() if there is None),
        )

    def needs(self, wheel: TorchFile) -> Needs:
        """Read the metadata of a wheel."""
        return needs(self.sources.metadata(wheel.file), python=wheel.python.rstrip("t"))

    def has(self, index: str, version: Version) -> bool:
        """Whether ``index`` lists a release of torch, with whatever local version."""
        return any(
            wheel.version.public == version.public for wheel in wheels(self.sources.listed(torch.PROJECT, index))
        )

    def digests(self) -> tuple[Proposal, ...]:
        """Propose digests of images."""
        found = {}
        for cuda, name in images.tagged(self.matrix).items():
            digest = self.ask(f"the digest of {name}", name.registry, partial(self.sources.digest, name))
            if digest is not None:
                found[cuda] = digest
        return self.told("images", images.moved(self.matrix, found)) if found else ()

    def cudas(self) -> tuple[Proposal, ...]:
        """Propose newer CUDA releases that there are images of."""
        made: list[Proposal] = []
        for family in images.families(self.matrix):
            name = family.newest
            tags = self.ask(f"the tags of {name}", name.registry, partial(self.sources.tags, name))
            if tags is not None:
                newer = family.newer(tags, self.matrix.toolkits)
                made += self.told("CUDA", [self.cuda(family, cuda, image) for cuda, image in newer.items()])
        return tuple({proposal.key: proposal for proposal in made}.values())

    def cuda(self, family: Family, cuda: str, image: ImageName) -> Proposal:
        """Propose one CUDA release."""
        digest = self.ask(f"the digest of {image}", image.registry, partial(self.sources.digest, image))
        return images.newer(self.matrix, cuda, family, image, digest)

    def actions(self, pins: Sequence[Action]) -> tuple[Proposal, ...]:
        """Propose newer releases of actions."""
        made: list[Proposal] = []
        for repository in dict.fromkeys(pin.repository for pin in pins):
            mine = [pin for pin in pins if pin.repository == repository]
            answer = self.ask(repository, _GITHUB, partial(self.action, repository, mine))
            made += () if answer is None else self.told(repository, answer)
        return tuple(made)

    def action(self, repository: str, mine: Sequence[Action]) -> tuple[Proposal, ...]:
        """Propose the newest release of one action, if it is newer."""
        newest = self.sources.newest(repository)
        made = actions.proposal(mine, newest)
        if made is None:
            return ()
        old = (self.sources.now - newest.published).days
        if old < cooldown.DAYS:
            self.say(f"update: {made.title} since {old} days, and is proposed once it is for {cooldown.DAYS}")
            return ()
        return (made,)

    def locks(self) -> tuple[Proposal, ...]:
        """Propose to renew the lock files."""
        answer = self.ask("the lock files", _LOCKS, self.sources.locked)
        if answer is None:
            return ()
        made = locked.proposal(*answer, cooldown.DAYS)
        return self.told("the lock files", () if made is None else (made,))


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def _reason(error: Exception) -> str:
    return "; ".join([error.what, *error.why]) if isinstance(error, FactoryError) else str(error)
