"""Carry kernel sets between pools, check what a pool holds, and free the space of what nobody needs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from factory.errors import DigestError, FactoryError, SelectorError
from factory.matrix.kernelset import KernelSetId
from factory.output.progress import amount, are, counted, were
from factory.pool import archive as poolarchive
from factory.pool import inventory
from factory.pool.inventory import Checked, SetInventory
from factory.pool.record import SetRecord
from factory.pool.store import Pool, pool_in
from factory.session import Session


def matching(pool: Pool, needs: Collection[KernelSetId] | None) -> list[SetRecord]:
    """Return the sets of the pool that serve ``needs``, None meaning all.

    One need may have several, made with several releases of a toolkit or a compiler. Raises SelectorError if
    there is none.
    """
    there = pool.sets()
    found = [kernels for kernels in there if needs is None or any(serves(kernels, need) for need in needs)]
    if not found:
        raise SelectorError(
            f"none of the {len(there)} kernel sets in the pool is the one asked for" if there else "the pool is empty",
            why=[f"asked for: {need}" for need in sorted(needs or ())] + [f"here: {kernels.name}" for kernels in there],
            remedy="Name the profile and the architectures too if they are not the usual ones, "
            "or compile the set with `nox -s kernels`.",
        )
    return found


def export(sets: Sequence[SetRecord], to: Path, session: Session) -> None:
    """Write archives of ``sets`` into the directory ``to``: what is here of each.

    Raises FactoryError where a single object is too large for one, and OSError where ``to`` cannot be written.
    """
    for kernels in sets:
        held, archives = poolarchive.export(pool_in(session.cache), kernels, to)
        session.log.say(_state(held))
        for archive in archives:
            session.log.say(f"  {archive.path}: {amount(archive.packed)}, unpacked {amount(archive.plain)}")


def take(archives: Sequence[Path], session: Session) -> None:
    """Take what the pool lacks out of ``archives``, and say which sets are complete now.

    Raises FactoryError before anything is taken if a file is not there; DigestError when all were looked at
    if any was damaged.
    """
    missing = [archive for archive in archives if not archive.is_file()]
    if missing:
        raise FactoryError("nothing was imported", why=[f"there is no file {archive}" for archive in missing])
    damaged: list[DigestError] = []
    sets: dict[str, SetRecord] = {}
    for archive in archives:
        try:
            taken = poolarchive.take(pool_in(session.cache), archive)
        except DigestError as error:
            damaged.append(error)
            continue
        session.log.say(
            f"{archive}: {counted(taken.new, 'object')} new, {taken.known} not needed, for they or their like are here"
        )
        sets |= {kernels.name: kernels for kernels in taken.sets}
    for kernels in sets.values():
        session.log.say(_state(inventory.holding(kernels, inventory.by_hash(pool_in(session.cache)))))
    if damaged:
        raise _joined(damaged)


def verify(session: Session) -> None:
    """Read all that is in the pool, remove what is damaged, and say what is left of each set.

    Raises DigestError if anything was damaged.
    """
    found = inventory.check(pool_in(session.cache))
    for kernels in pool_in(session.cache).sets():
        session.log.say(_state(inventory.holding(kernels, inventory.by_presence(pool_in(session.cache)))))
    session.log.say(f"records without object: {found.lone_records}, objects without record: {found.lone_objects}")
    damage = list(_damage(found))
    if damage:
        raise DigestError(
            f"{counted(len(damage), 'file')} of the pool {were(len(damage))} damaged",
            why=damage,
            remedy="What is missing now is compiled again when it is needed; `nox -s kernels` does so at once, and "
            "writes the list of its set anew. If it happens again, check the disk.",
        )
    session.log.say("nothing is damaged")


def prune(sets: Collection[SetRecord] | None, session: Session) -> None:
    """Remove ``sets`` from the pool, or, if None, what no set lists.

    Raises FactoryError if a set is in use by a running process, the others being removed, or if the list of one
    cannot be read, none being removed.
    """
    if sets is None:
        session.log.say(f"leftovers: {amount(inventory.remove_leftovers(pool_in(session.cache)))} freed")
        return
    freed = inventory.remove_sets(pool_in(session.cache), sets)
    for name, size in freed.sets.items():
        session.log.say(f"{name}: removed, {amount(size)} freed")
    if freed.objects:
        session.log.say(f"objects without record: {amount(freed.objects)} freed")
    if freed.held:
        raise FactoryError(
            f"{counted(len(freed.held), 'kernel set')} {are(len(freed.held))} in use and {were(len(freed.held))} kept",
            why=freed.held,
            remedy="Wait until the build that uses them has ended, then run the same command again.",
        )


def serves(kernels: SetRecord, need: KernelSetId) -> bool:
    """Return whether ``kernels`` were chosen as ``need`` is; toolkit and host compiler may be others."""
    made = (kernels.flash_attn, kernels.cuda, kernels.archs, kernels.profile, kernels.machine)
    return made == (need.flash_attn, need.cuda, tuple(map(str, need.archs)), need.profile, need.machine)


def _state(held: SetInventory) -> str:
    units, parts = held.kernels.units, len(held.kernels.keys)
    state = "complete" if held.complete else "incomplete"
    return (
        f"{held.kernels.name}: {state}, {held.units} of {counted(units, 'unit')}, "
        f"{len(held.here)} of {counted(parts, 'part')}, {amount(held.size)}"
    )


def _joined(errors: Sequence[DigestError]) -> DigestError:
    if len(errors) == 1:
        return errors[0]
    why = [line for error in errors for line in (error.what, *(f"  {reason}" for reason in error.why))]
    return DigestError(
        f"{counted(len(errors), 'archive')} {are(len(errors))} damaged", why=why, remedy=errors[0].remedy
    )


def _damage(found: Checked) -> Iterator[str]:
    yield from (f"object {name}: removed" for name in found.objects)
    yield from (f"record of part {key}: removed" for key in found.records)
    yield from (f"{path}: kept, for it alone said which parts its set needs" for path in found.sets)
