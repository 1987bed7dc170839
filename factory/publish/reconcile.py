"""One release on its way to what it is to hold: look, take the next steps, look again, until nothing is left to do.

What a look shows decides alone, so it makes no difference who did what was done, whether the answer to it came,
or how often the program was ended and started: each file gets there once and whole.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from factory.errors import PublishError
from factory.github.ratelimit import pause
from factory.publish import checksums
from factory.publish.outlook import Outlook
from factory.publish.parts import Asset, File, Goal, Release, Seen, Sent, chosen
from factory.publish.releases import Repository, TroubleError
from factory.publish.steps import Create, Publish, Remove, Step, Upload, Wait, after, steps
from factory.system.retry import RetryPolicy
from factory.wheel.sidecars import VERDICT

_RUNNING = 10.0  # seconds between two looks at an upload of somebody else
_WAITS = 1000  # looks; GitHub's largest asset has come to its end by then


@dataclass(kw_only=True)
class Publication:
    """One release on its way to its goal."""

    goal: Goal
    paths: Mapping[str, Path]
    describe: Callable[[Iterable[Asset], frozenset[str]], str]
    github: Repository
    policy: RetryPolicy
    say: Callable[[str], object]
    number: int | None = None
    made: set[int] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    contents: dict[int, str] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    writes: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    outlook: Outlook = field(default_factory=Outlook)
    done: Counter[str] = field(default_factory=Counter)
    uploaded: dict[str, File] = field(default_factory=dict)

    def retried(self, attempt: Callable[[], None]) -> None:
        """Try until an attempt ends well, or as often in a row as patience has it without a step done.

        Raises PublishError when it was tried often enough, or GitHub asks for a longer wait than patience has.
        """
        try:
            self.policy.persist(
                lambda: self.afresh(attempt), say=lambda line: self.say(f"publish: {line}"), progress=self.done.total
            )
        except TroubleError as trouble:
            raise self.failed(str(trouble)) from trouble

    def afresh(self, attempt: Callable[[], None]) -> None:
        """Look for the release anew, and go on from there."""
        self.number = None
        attempt()

    def settle(self) -> None:
        """Look and step until nothing is left to do.

        Raises TroubleError where trying again may help, PublishError where it does not.
        """
        begun = False
        while taken := self.next(seen := self.look()):
            begun = begun or self.announce(seen)
            for step in taken:
                self.bounded(step)
                self.say(f"publish: {step}")
                self.take(step, seen.release)
                self.done[str(step)] += 1
        self.say(f"publish: {self.goal.tag} is complete")

    def sent(self) -> Sent:
        """Return what it came to, once it is complete."""
        there = tuple(file for file in self.goal.files if file.name not in self.uploaded)
        return Sent(tag=self.goal.tag, new=tuple(self.uploaded.values()), there=there)

    def rehearse(self) -> None:
        """Say what there is and what would be done, and do nothing. Raises what ``settle`` raises."""
        seen = self.look()
        there = {asset.name for asset in seen.release.assets if asset.finished} if seen.release else set()
        lines = [f"{file.name} is there already" for file in self.goal.files if file.name in there]
        ahead = self.ahead(seen)
        self.outlook = Outlook.of(ahead)
        for line in [*lines, *(f"would {step}" for step in ahead)]:
            self.say(f"publish (dry run): {line}")

    def ahead(self, seen: Seen) -> list[Step]:
        """Return all steps to the goal, if nobody else takes any. Raises PublishError as ``steps`` does."""
        found: list[Step] = []
        while taken := self.next(seen):
            for step in taken:
                found.append(step)
                seen = after(step, seen)
        return found

    def announce(self, seen: Seen) -> bool:
        """Say what is going to be sent; return True. Raises PublishError as ``steps`` does."""
        self.outlook = Outlook.of(self.ahead(seen))
        if self.outlook.files:
            self.say(f"publish: {self.goal.tag}: {self.outlook.line(self.github.rules)}")
        return True

    def next(self, seen: Seen) -> tuple[Step, ...]:
        """Return the next steps. Raises PublishError as ``steps`` does."""
        there = {asset.name for asset in seen.release.assets if asset.finished} if seen.release else set()
        tested = frozenset(name.removesuffix(VERDICT) for name in there if name.endswith(VERDICT))
        return steps(self.goal, seen, self.github.rules, lambda wheels: self.describe(wheels, tested))

    def look(self) -> Seen:
        """Return what is there now. Raises TroubleError or PublishError as ``Repository`` does."""
        if self.number is None:
            self.number = self.found()
        if self.number is None:
            return Seen(release=None)
        whole, now = self.github.look(self.number)
        whole = replace(whole, assets=tuple(map(self.with_digest, whole.assets)))
        texts = {one.name: self.text(one) for one in whole.assets if one.finished and checksums.is_list(one.name)}
        return Seen(release=whole, now=now, broken=frozenset(self.broken), texts=texts)

    def found(self) -> int | None:
        """Return the release that everybody uses; an empty draft that was made beside it is removed."""
        release = chosen(self.github.find(self.goal.tag))
        if release is None:
            return next(iter(self.made), None)  # a draft just made may not be listed yet
        for number in self.made - {release.id}:
            self.github.remove_draft(number)
        return release.id

    def take(self, step: Step, release: Release | None) -> None:
        """Take one step. Raises TroubleError where it may not have been done."""
        number = release.id if release else 0
        match step:
            case Create(tag=tag):
                self.paced()
                self.made.add(self.github.create(tag, self.goal.title))
            case Upload(file=file):
                self.upload(number, file)
            case Remove(asset=asset):
                self.github.remove(number, asset.id)
                self.broken.discard(asset.name)
            case Publish(body=text):
                self.paced()
                self.github.publish(number, self.goal.title, text)
            case Wait():
                self.policy.sleep(_RUNNING)

    def upload(self, number: int, file: File) -> None:
        """Send one file. Raises TroubleError where it may not be there whole."""
        self.paced()
        self.uploaded[file.name] = file
        content = self.paths[file.name] if file.content is None else file.content
        try:
            self.github.upload(number, file.name, content)
        except TroubleError as trouble:
            if trouble.unsure:
                self.broken.add(file.name)
            raise

    def with_digest(self, asset: Asset) -> Asset:
        """Return a finished asset with its sha256, fetched and hashed once if GitHub gives none."""
        if asset.sha256 is not None or not asset.finished:
            return asset
        if asset.id not in self.digests:
            self.say(f"publish: fetching {asset.name}, whose hash GitHub does not say")
            self.digests[asset.id] = self.github.digest(asset.id)
        return replace(asset, sha256=self.digests[asset.id])

    def text(self, asset: Asset) -> str:
        """Return the content of a list, fetched once. Raises TroubleError where it is not what GitHub says it is."""
        if asset.id not in self.contents:
            content = self.github.read(asset.id)
            if sha256(content).hexdigest() != asset.sha256:
                raise TroubleError(f"{asset.name}: what came is not the whole file", unsure=False)
            self.contents[asset.id] = content.decode("utf-8", "replace")
        return self.contents[asset.id]

    def paced(self) -> None:
        """Wait until another write is within GitHub's limits (``factory/data/github.toml``)."""
        seconds = pause(self.writes, self.policy.clock(), self.github.rules)
        if seconds > 0:
            self.say(f"publish: waiting {seconds:.0f} s, for GitHub takes only so many changes in an hour")
            self.policy.sleep(seconds)
        self.writes.append(self.policy.clock())

    def bounded(self, step: Step) -> None:
        """Refuse a step that was done often and is still to be done. Raises PublishError."""
        if self.done[str(step)] > (_WAITS if isinstance(step, Wait) else self.policy.tries):
            raise self.failed(f"GitHub took this {self.done[str(step)]} times, and it is still to be done: {step}")

    def failed(self, reason: str) -> PublishError:
        """Return the error that says that it did not come to its end."""
        return PublishError(
            f"the release {self.goal.tag} is not complete",
            why=[reason],
            remedy="What is there stays. Give the same command again; it goes on from there.",
        )
