"""What a run puts on disks and takes of memory, held to what a machine has; ``doctor`` and a build say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from factory.errors import DiskFullError, LowMemoryError
from factory.output.progress import gigabytes, short

CACHE = "cache"
DIST = "dist"
ELSEWHERE = {CACHE: "export FACTORY_CACHE=/a/directory/there", DIST: "--dist /a/directory/there"}
"""What to type to have either somewhere else."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """A directory that will be written to (``use``: ``cache`` or ``dist``), on which disk, with so many bytes free."""

    use: str
    path: str
    device: int
    free: int
    writable: bool


@dataclass(frozen=True, kw_only=True)
class Want:
    """Something a run makes in ``place``, a directory of the cache or ``dist``, and bytes.

    ``kept`` stay; ``passing`` are there besides while it is made, and no two things are made at once.
    """

    what: str
    place: str
    kept: int
    passing: int = 0

    @property
    def use(self) -> str:
        """Which of the two directories of a run it goes to."""
        return DIST if self.place == DIST else CACHE

    def __str__(self) -> str:
        """Return it in words."""
        if not self.kept:
            return f"{self.what}: {short(self.passing)} for a while"
        return f"{self.what}: {short(self.kept)}" + (f", {short(self.passing)} more for a while" * bool(self.passing))


def most(wants: Iterable[Want]) -> int:
    """Return the most bytes that ``wants`` take at one moment."""
    wants = tuple(wants)
    return sum(want.kept for want in wants) + max((want.passing for want in wants), default=0)


@dataclass(frozen=True, kw_only=True)
class Disk:
    """One disk: the directories on it, and what will be put into them."""

    rooms: tuple[Room, ...]
    wants: tuple[Want, ...]

    @property
    def free(self) -> int:
        """Bytes free on it."""
        return min(room.free for room in self.rooms)

    @property
    def wanted(self) -> int:
        """Bytes wanted of it at one moment."""
        return most(self.wants)

    @property
    def fits(self) -> bool:
        """Whether all of it goes there."""
        return self.wanted <= self.free


def disks(rooms: Iterable[Room], wants: Iterable[Want]) -> tuple[Disk, ...]:
    """Return the disks of ``rooms`` with the ``wants`` of each; what shares a disk is added up."""
    by_device: dict[int, list[Room]] = {}
    for room in rooms:
        by_device.setdefault(room.device, []).append(room)
    wants = tuple(wants)
    return tuple(
        Disk(rooms=tuple(there), wants=tuple(want for want in wants if want.use in {room.use for room in there}))
        for there in by_device.values()
    )


def hold(rooms: Iterable[Room], wants: Iterable[Want]) -> None:
    """Raise DiskFullError, item by item, where a disk has not the room for what is wanted of it."""
    small = [disk for disk in disks(rooms, wants) if not disk.fits]
    if small:
        uses = dict.fromkeys(want.use for disk in small for want in disk.wants)
        elsewhere = " and ".join(ELSEWHERE[use] for use in uses)
        raise DiskFullError(
            "the disk is too small for what this run will put there; nothing was fetched or compiled",
            why=[line for disk in small for line in _lines(disk)],
            remedy="Free some space (`nox -s pool -- prune` removes kernels that belong to no set), "
            f"or use another disk: {elsewhere}",
        )


def _lines(disk: Disk) -> Iterator[str]:
    where = " and ".join(f"{room.path} ({room.use})" for room in disk.rooms)
    yield f"{where}: {short(disk.free)} free, about {short(disk.wanted)} wanted"
    yield from (f"  {want}" for want in disk.wants)


class Fit(Enum):
    """Whether a process fits into a machine's memory, with its swap, or not at all, however little else runs."""

    FITS = auto()
    SWAPS = auto()
    NEVER = auto()

    @classmethod
    def of(cls, peak: int, *, memory: int, swap: int) -> Fit:
        """Return how ``peak`` bytes fit into the bytes of ``memory`` and ``swap`` that there are in all."""
        if peak <= memory:
            return cls.FITS
        return cls.SWAPS if peak <= memory + swap else cls.NEVER


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes of memory and swap in all, as a cgroup allows them; ``named`` are those that a person said there are."""

    memory: int
    swap: int
    named: int | None = None

    def hold(self, peak: int) -> str | None:
        """Return a warning, None where ``peak`` bytes fit.

        Raises LowMemoryError where they never do. ``named`` is believed.
        """
        fit = Fit.of(peak, memory=max(self.memory, self.named or 0), swap=self.swap)
        swap = f"{gigabytes(self.swap)} GB of swap" if self.swap else "no swap"
        has = f"{gigabytes(self.memory)} GB of memory and {swap}"
        if fit is Fit.SWAPS:
            return f"one compile may take {gigabytes(peak)} GB, and there are {has}: it may take very long"
        if fit is Fit.NEVER:
            raise LowMemoryError(
                f"one compile may take {gigabytes(peak)} GB of memory, and this machine has less in all",
                why=[f"there are {has}, in this container or cgroup if it is one", "nothing was fetched or compiled"],
                remedy="Add memory or swap, or set a container's limit higher. "
                f"To try it all the same, add to the command: --memory {gigabytes(peak + 10**8)}",
            )
        return None
