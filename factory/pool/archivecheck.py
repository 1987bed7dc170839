"""Whether archives are the whole kernel set that their names say: every one is opened and read to its end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factory.output.progress import are, counted
from factory.pool import archivereading
from factory.pool.archivename import Member
from factory.pool.archivereading import BROKEN
from factory.pool.record import Record, SetRecord
from factory.pool.tarstream import Content

_SHOWN = 20


def complaints(name: str, archives: Sequence[Path]) -> tuple[str, ...]:
    """Say, a line each, what is wrong with ``archives``, which are to be the whole set ``name``; at most some.

    Every object is held to its hash, every part to an object of its own archive, all of them to the set's list.
    """
    read = [_read(archive) for archive in archives]
    lines = [f"{one.archive}: {line}" for one in read for line in (*one.complaints, *one.unfit(name))]
    found = {key for one in read for key in one.records}
    for keys in [set(kernels.keys) for one in read for kernels in one.sets][:1]:
        if lacking := len(keys - found):
            lines.append(f"{name}: {lacking} of its {counted(len(keys), 'part')} are in none of its archives")
        if strange := len(found - keys):
            lines.append(f"{name}: {counted(strange, 'part')} {are(strange)} not on its list")
    more = len(lines) - _SHOWN
    return (*lines[:_SHOWN], *([f"and {more} more"] if more > 0 else []))


def _read(archive: Path) -> _Contents:
    contents = _Contents(archive=archive.name)
    try:
        for member, content in archivereading.opened(archive):
            contents.take(member, content)
    except (*BROKEN, OSError) as error:
        contents.complaints.append(f"is damaged, or is no archive of kernels: {error}")
    return contents


@dataclass(kw_only=True)
class _Contents:
    """What one archive holds: sizes of objects by hash, records by key, the lists of sets."""

    archive: str
    objects: dict[str, int] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    sets: list[SetRecord] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def take(self, member: Member, content: Content) -> None:
        """Take one member, or note what is wrong with it. Raises ValueError if its form is."""
        if member.kind == "object":
            digest = hashlib.sha256()
            for piece in content:
                digest.update(piece)
            self.objects[member.name] = content.size
            if digest.hexdigest() != member.name:
                self.complaints.append(f"{member} has the sha256 {digest.hexdigest()}")
            return
        text = archivereading.text(member, content)
        try:
            if member.kind == "part":
                self.records[member.name] = Record.read(text)
            else:
                self.sets.append(SetRecord.read(text))
        except ValueError as error:
            self.complaints.append(f"{member} is not what the factory writes: {error}")

    def unfit(self, name: str) -> Iterator[str]:
        """Say what does not belong together."""
        if [kernels.name for kernels in self.sets] != [name]:
            yield f"lists {', '.join(kernels.name for kernels in self.sets) or 'no set'}, not {name}"
        used = {record.sha256 for record in self.records.values()}
        yield from (f"objects/{sha256} has no record" for sha256 in sorted(self.objects.keys() - used))
        profiles = {kernels.profile for kernels in self.sets}
        for key, record in sorted(self.records.items()):
            if self.objects.get(record.sha256) != record.size:
                yield f"parts/{key}.json has no whole object"
            elif profiles and record.profile not in profiles:
                yield f"parts/{key}.json is of profile {record.profile}"
