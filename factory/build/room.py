"""Say what a run will put on disks and take of memory, and stop it before it begins where that is not there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from factory.build import setup
from factory.doctor import cudahome
from factory.doctor.facts import Fetch
from factory.environment import foreign
from factory.environment.environment import Installer
from factory.kernels import costs, source
from factory.kernels.sdist import read_extension
from factory.matrix import native
from factory.matrix.arch import front_ends
from factory.matrix.kernelset import KernelSetId, need_of
from factory.matrix.model import Cell, Matrix
from factory.plan import disks, room, sizes
from factory.plan.room import Memory, Want
from factory.plan.sizes import Environment, Kernels, Linked
from factory.platforms import own_machine
from factory.pool.pool import serves
from factory.system import files, machine
from factory.system.machine import Limits
from factory.toolkit.find import World


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is to be made and where: ``dist`` is None where no wheel is made.

    ``limits`` say how much compiles at once, ``share`` which part of each kernel set is meant; ``memory`` are the
    bytes that a person said compiles may use.
    """

    cells: tuple[Cell, ...]
    matrix: Matrix
    cache: Path
    dist: Path | None
    env: Mapping[str, str]
    world: World
    installer: Installer
    limits: Limits
    share: float = 1.0
    memory: int | None = None


def hold(run: Run, *, contained: bool, say: Callable[[str], None]) -> None:
    """Hold what ``run`` takes to what is here, before anything is fetched; ``contained`` says it goes to containers.

    Raises LowMemoryError or DiskFullError.
    """
    here = machine.read()
    warning = Memory(memory=here.memory, swap=here.swap, named=run.memory).hold(_peak(run))
    if warning:
        say(warning)
    room.hold(disks.rooms(run.cache, run.dist), wants(run, contained=contained))


def wants(run: Run, *, contained: bool) -> tuple[Want, ...]:
    """Return what ``run`` puts on disks; what is there already is not counted."""
    table, ground = sizes.table(), disks.ground(run.cache, run.env)
    kernels = tuple(_kernels(run))
    environments = () if run.dist is None else tuple(_environments(run, contained=contained))
    absent = sorted({cell.flash_attn for cell in run.cells if not _here(cell.flash_attn, run)})
    found = (
        # What an image lacks of its toolkit is not known out here.
        *table.toolkits({} if contained else _fetched(run)),
        *(table.packages if contained else table.environments)(environments, ground),
        *table.targets(() if run.dist is None else _linked(run), ground),
        *table.sources(absent),
        *table.sets(kernels, jobs=_at_once(run)),
        *table.wheels(kernels, contained=contained),
    )
    return disks.counted(found, run.cache)


def _peak(run: Run) -> int:
    """Return the bytes the largest process may take, 0 where nothing is to be made."""
    table = costs.table()
    lacking = [table.largest(need.profile) for need in _needs(run) if _lacking(need, run)]
    return max([*lacking, 0 if run.dist is None else table.wheel.peak])


def _at_once(run: Run) -> int:
    largest = max(costs.table().largest(cell.profile) for cell in run.cells)
    return max(1, min(run.limits.jobs, run.limits.budget // largest))


def _needs(run: Run) -> dict[KernelSetId, int]:
    """Return the kernel sets with the number of cells of each."""
    return Counter(need_of(cell, run.matrix) for cell in sorted(run.cells))


def _kernels(run: Run) -> Iterator[Kernels]:
    for need, wheels in _needs(run).items():
        passes = front_ends(need.archs, run.matrix.toolkits[need.cuda].front_end)
        yield Kernels(
            name=str(need),
            profile=need.profile,
            passes=len(passes),
            targets=sum(len(one.real) for one in passes),
            units=_units(need.flash_attn, run),
            share=run.share * _lacking(need, run),
            wheels=0 if run.dist is None else wheels,
            compressed=run.matrix.toolkits[need.cuda].compression is not None,
        )


def _lacking(need: KernelSetId, run: Run) -> float:
    """Return the share of a set that is not there; of one for another machine nearly all serves this one."""
    return disks.lacking(run.cache / "pool", lambda record: serves(record, replace(need, machine=record.machine)))


def _here(flash_attn: str, run: Run) -> bool:
    return files.is_directory(source.place(run.matrix.flash_attn[flash_attn], cache=run.cache))


def _units(flash_attn: str, run: Run) -> int | None:
    """Count the units of a release whose source is here."""
    setup = files.text_of(source.place(run.matrix.flash_attn[flash_attn], cache=run.cache) / "setup.py")
    return None if setup is None else len(read_extension(setup).kernels)


def _fetched(run: Run) -> dict[str, int]:
    """Return the bytes to download of each toolkit, or runtime of one, that is not here."""
    compiling = sorted({need_of(cell, run.matrix).cuda for cell in run.cells})
    others = sorted({cell.cuda for cell in run.cells if run.dist} - set(compiling))
    whole = {cuda: cudahome.supply(cuda, run.env, run.cache, run.world)[0] for cuda in compiling}
    alone = {cuda: cudahome.runtime(cuda, run.env, run.cache, run.world) for cuda in others}
    return {cuda: one.size for cuda, one in (whole | alone).items() if isinstance(one, Fetch)}


def _environments(run: Run, *, contained: bool) -> Iterator[Environment]:
    """Return the torch builds that are to be installed, in containers each time."""
    rows = [setup.wanted(cell, run.matrix) for cell in sorted(run.cells)]
    for torch, build in dict.fromkeys((row.torch, row.build) for row in rows):
        asked = {row.cell.python for row in rows if (row.torch, row.build) == (torch, build)}
        there = {python for python in build.pythons if files.is_directory(run.installer.place(torch, build, python))}
        pythons = [python for python in build.pythons if python in asked]
        absent = tuple(python for python in pythons if contained or python not in there)
        if absent:
            yield Environment(torch=torch.release, cuda=build.cuda, pythons=absent, begun=bool(there))


def _linked(run: Run) -> Iterator[Linked]:
    """Return the torch releases for other machines that are to be fetched, of cells that this machine can build."""
    here = own_machine()
    cells = [cell for cell in sorted(run.cells) if cell.machine != here and not native.foreign(cell, here)]
    rows = [setup.wanted(cell, run.matrix) for cell in cells]
    places = {foreign.place(row.cell, row.torch, row.build, run.cache): row for row in rows}
    for home, row in places.items():
        if not files.is_directory(home):
            yield Linked(torch=row.torch.release, machine=row.cell.machine, python=row.cell.python)
