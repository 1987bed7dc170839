"""Carries kernel sets from one pool to another: archives of zstd-compressed tar, written and taken in as streams.

The same parts give the same bytes. What is taken in is believed by its hash alone, an object enters the pool
together with its record, and what an archive is refused for leaves whole what was taken before.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from factory.errors import DigestError, FactoryError
from factory.output.progress import are, counted, were
from factory.pool import archivereading
from factory.pool.archivename import END, LIMIT, Member, file_names, split, stored
from factory.pool.archivereading import BROKEN
from factory.pool.inventory import SetInventory, by_hash, holding
from factory.pool.record import Record, SetRecord
from factory.pool.store import Pool, whole
from factory.pool.tarstream import Content

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Level 9 of 19: 0.145 of real kernel objects in 1 s of CPU per 38 MB; 12 gives 0.142 at half that speed,
# 19 gives 0.109 at a 26th. The checksum covers the records too, which no hash does.
_OPTIONS: Mapping[int, int] = {
    zstd.CompressionParameter.compression_level: 9,
    zstd.CompressionParameter.checksum_flag: 1,
}
_IMPORT = "import"
_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A finished archive, how many bytes it has as a ``plain`` tar and as a ``packed`` file."""

    path: Path
    plain: int
    packed: int


@dataclass(frozen=True, kw_only=True)
class Taken:
    """How many objects of an archive were new, how many were not needed, and the sets it lists."""

    new: int
    known: int
    sets: tuple[SetRecord, ...]


@dataclass(frozen=True, kw_only=True)
class _Item:
    """An object and the records that name it, by key."""

    path: Path
    size: int
    records: dict[str, bytes]

    @property
    def stored(self) -> int:
        return stored(self.size) + sum(stored(len(record)) for record in self.records.values())


def export(pool: Pool, kernels: SetRecord, to: Path, limit: int = LIMIT) -> tuple[SetInventory, list[Archive]]:
    """Write what is here of ``kernels`` into the directory ``to``, in tars of at most ``limit`` bytes; return both.

    Raises FactoryError where a single object is larger, and OSError where ``to`` cannot be written.
    """
    listing = json.dumps(asdict(kernels), sort_keys=True).encode()
    with pool.adding():
        held = holding(kernels, by_hash(pool))
        try:
            runs = split(_items(pool, held), lambda item: item.stored, limit - END - stored(len(listing)))
        except ValueError as error:
            raise FactoryError(f"{kernels.name} cannot be exported", why=[str(error)]) from error
        names = file_names(_name(held), len(runs))
        last = (str(Member(kind="set", name=kernels.name)), listing)
        written = [_write(to / name, run, last) for name, run in zip(names, runs, strict=True)]
    return held, written


def take(pool: Pool, archive: Path) -> Taken:
    """Take what ``pool`` lacks out of ``archive``, and return what that was.

    Raises DigestError with all that was wrong with it; what was whole is kept, unless its form was wrong:
    then nothing after that is looked at. Raises OSError where it cannot be read or the pool not be written.
    """
    with pool.claim(_IMPORT, wait=True), pool.temporary(_IMPORT) as directory, pool.adding():
        taking = _Taking(pool=pool, directory=directory)
        try:
            for member, content in archivereading.opened(archive):
                taking.take(member, content)
        except BROKEN as error:
            taking.complaints.append(str(error))
        taking.refuse(archive)
        return Taken(new=taking.new, known=taking.objects - taking.new, sets=tuple(taking.sets))


def _name(held: SetInventory) -> str:
    """Name what is held: archives of two shards of one set must be able to lie in one directory."""
    if held.complete:
        return held.kernels.name
    digest = hashlib.sha256("".join(sorted(held.here)).encode()).hexdigest()[:8]
    return f"{held.kernels.name}.{len(held.here)}parts-{digest}"


def _items(pool: Pool, held: SetInventory) -> Iterator[_Item]:
    """Return what is held, by object: several keys may have the same one."""
    records: dict[str, dict[str, bytes]] = {}
    for key, record in held.here.items():
        records.setdefault(record.sha256, {})[key] = json.dumps(asdict(record), sort_keys=True).encode()
    for sha256, named in sorted(records.items()):
        path = pool.root / "objects" / sha256
        yield _Item(path=path, size=path.stat().st_size, records=named)


def _write(path: Path, items: Sequence[_Item], last: tuple[str, bytes]) -> Archive:
    """Write one archive under another name in the same directory, and rename it when it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            with zstd.open(file, "wb", options=_OPTIONS) as stream:
                with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                    _fill(tar, items, last)
                plain = stream.tell()
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return Archive(path=path, plain=plain, packed=path.stat().st_size)


def _fill(tar: tarfile.TarFile, items: Sequence[_Item], last: tuple[str, bytes]) -> None:
    for item in items:
        with item.path.open("rb") as content:
            _add(tar, str(Member(kind="object", name=item.path.name)), item.size, content)
    records = {key: record for item in items for key, record in item.records.items()}
    for key, record in sorted(records.items()):
        _add(tar, str(Member(kind="part", name=key)), len(record), io.BytesIO(record))
    _add(tar, last[0], len(last[1]), io.BytesIO(last[1]))


def _add(tar: tarfile.TarFile, name: str, size: int, content: BinaryIO) -> None:
    member = tarfile.TarInfo(name)  # of no time and no owner
    member.size = size
    tar.addfile(member, content)


@dataclass(kw_only=True)
class _Taking:
    """One archive being taken into ``pool`` by way of ``directory``, on the same disk."""

    pool: Pool
    directory: Path
    objects: int = 0
    new: int = 0
    sets: list[SetRecord] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def take(self, member: Member, content: Content) -> None:
        """Take one member, or note what is wrong with it. Raises ValueError if its form is."""
        if member.kind == "object":
            self._take_object(member, content)
            return
        text = archivereading.text(member, content)
        try:
            if member.kind == "part":
                self._take_part(member, Record.read(text))
            else:
                self._take_set(member, SetRecord.read(text))
        except ValueError as error:
            self.complaints.append(f"{member} is not what the factory writes: {error}")

    def refuse(self, archive: Path) -> None:
        """Raise DigestError if anything was wrong."""
        if not self.complaints:
            return
        more = [f"and {len(self.complaints) - _SHOWN} more"] if len(self.complaints) > _SHOWN else []
        raise DigestError(
            f"{archive} is damaged, or is no archive of kernels",
            why=[
                *self.complaints[:_SHOWN],
                *more,
                f"{counted(self.new, 'object')} of it {were(self.new)} whole and new, and {are(self.new)} kept",
            ],
            remedy="Fetch or export it again, and import that; what is here already is skipped.",
        )

    def _take_object(self, member: Member, content: Content) -> None:
        made = self.directory / member.name
        if made.exists():
            return
        if whole(self.pool.root / "objects" / member.name):
            self.objects += 1
            return
        digest = hashlib.sha256()
        with made.open("wb") as file:
            for piece in content:
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() == member.name:
            self.objects += 1
        else:
            made.unlink()
            self.complaints.append(f"{member} has the sha256 {digest.hexdigest()}")

    def _take_part(self, member: Member, record: Record) -> None:
        if self.pool.get(member.name) is not None:
            return
        made = self.directory / record.sha256
        if made.exists():
            self.pool.put(member.name, made, record)
            self.new += 1
        elif whole(self.pool.object_path(record)):
            self.pool.put_record(member.name, record, self.directory / "record.json")
        else:
            self.complaints.append(f"{member} has no whole object")

    def _take_set(self, member: Member, kernels: SetRecord) -> None:
        if kernels.name != member.name:
            self.complaints.append(f"{member} is the list of {kernels.name}")
            return
        self.pool.note(kernels)
        self.sets.append(kernels)
