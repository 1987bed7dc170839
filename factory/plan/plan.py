"""Say what would be built, what would not and why, and what it would take on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from factory.kernels import costs, source
from factory.kernels.estimate import Measured, expect, shape_of
from factory.kernels.measured import measured
from factory.kernels.schedule import Demand, remaining_seconds
from factory.kernels.sdist import read_extension
from factory.kernels.unit import Unit
from factory.matrix.arch import Arch
from factory.matrix.kernelset import KernelSetId, need_of
from factory.matrix.model import Cell, Matrix, Planned
from factory.matrix.wheelname import release_tag, wheel_filename
from factory.output.progress import counted, duration, gigabytes
from factory.plan import pinning
from factory.plan.document import PlanDocument, PlannedCell, PlannedImage, PlannedSet
from factory.plan.runner import limits_of, runner
from factory.plan.workflow import makers, outputs
from factory.platforms import own_machine
from factory.pool.store import pool_in
from factory.session import Session
from factory.system.machine import Limits
from factory.versions import version_key

_BEGINNING = {False: "from nothing", True: "with the machine code of a set before it"}


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a kernel set takes from nothing on this machine: wall and CPU seconds, the largest unit's peak in bytes.

    Of a ``shared`` one another set of the plan has machine code, which is not counted again.
    """

    units: int
    seconds: float
    cpu_seconds: float
    peak: int
    shared: bool = False


def estimate(
    need: KernelSetId,
    matrix: Matrix,
    session: Session,
    known: Iterable[Measured],
    *,
    made: frozenset[Arch] = frozenset(),
) -> Estimate:
    """Return what one kernel set takes here, from the units its sdist lists and what is ``known`` of compiles here.

    The machine code for the architectures ``made`` is there by then. Raises UnreachableError or SourceError when the
    sdist is neither cached nor to be had, DigestError when it is another file.
    """
    left = replace(need, archs=tuple(arch for arch in need.archs if arch not in made))
    found = _sum(_demand(left, matrix, session, known), session.limits)
    return replace(found, shared=left != need)


def jobs(planned: Iterable[Planned], matrix: Matrix, session: Session) -> dict[str, str]:
    """Return what the workflow's jobs get, by name; shares are cut for its own runners, whatever this machine is.

    Raises UnreachableError, SourceError or DigestError as ``estimate`` does, SelectorError where one run takes no more,
    and ImageError where an image is not pinned and the matrix accepts none that is not.
    """
    cells = [row.cell for row in planned]
    compiled = makers(cells, matrix)
    pinning.demand([*cells, *compiled.values()], matrix)
    machines = runner()
    limits = limits_of(machines, max_jobs=matrix.max_jobs)
    seconds: dict[str, float] = {}
    for cell in compiled.values():
        need = need_of(cell, matrix)
        if need.label not in seconds:
            seconds[need.label] = _sum(_demand(need, matrix, session, ()), limits).seconds
    return outputs(cells, seconds, matrix, machines)


def _demand(need: KernelSetId, matrix: Matrix, session: Session, measured: Iterable[Measured]) -> dict[str, Demand]:
    release = matrix.flash_attn[need.flash_attn]
    root = source.unpacked(release, cache=session.cache, env=session.env)
    kernels = read_extension((root / "setup.py").read_text()).kernels
    shape = shape_of(need.profile, need.archs, matrix.toolkits[need.cuda])
    units = {Unit(source=name, host=name, stub=""): shape for name in kernels}
    return expect(units, costs.table(), measured)


def _sum(demand: dict[str, Demand], limits: Limits) -> Estimate:
    peak = max(row.peak for row in demand.values())
    jobs = max(1, min(limits.jobs, limits.budget // peak))
    return Estimate(
        units=len(demand),
        seconds=remaining_seconds((row.seconds for row in demand.values()), jobs=jobs),
        cpu_seconds=sum(row.seconds for row in demand.values()),
        peak=peak,
    )


def estimates(planned: Iterable[Planned], matrix: Matrix, session: Session) -> dict[KernelSetId, Estimate]:
    """Return the estimate of every kernel set that ``planned`` needs, each once. Raises what ``estimate`` raises.

    Those for this machine are made first; what others share with them is not counted again.
    """
    here = own_machine()
    needs = sorted({need_of(row.cell, matrix) for row in planned}, key=lambda need: (need.machine != here, need))
    known = measured(pool_in(session.cache))  # every record of the pool is read: once, not for each set
    found: dict[KernelSetId, Estimate] = {}
    for need in needs:
        twins = (one for one in found if replace(one, archs=need.archs, machine=need.machine) == need)
        made = frozenset(arch for twin in twins for arch in twin.archs)
        found[need] = estimate(need, matrix, session, known, made=made)
    return found


def kernels(sets: Mapping[KernelSetId, Estimate], built: Iterable[Planned], matrix: Matrix) -> list[str]:
    """Return a line for each kernel set: what it takes, and of which of ``built`` it is for."""
    torches: dict[KernelSetId, list[str]] = {}
    for row in built:
        torches.setdefault(need_of(row.cell, matrix), []).append(row.cell.torch)
    return [
        f"kernels {need}, for {counted(len(torches[need]), 'wheel')} of torch {_span(torches[need])}: "
        f"{counted(row.units, 'unit')}, about {duration(row.seconds)} {_BEGINNING[row.shared]}, "
        f"{duration(row.cpu_seconds)} of CPU, up to {gigabytes(row.peak)} GB a unit"
        for need, row in sets.items()
    ]


def _span(series: Iterable[str]) -> str:
    first, *_, last = sorted([*series] * 2, key=version_key)
    return first if first == last else f"{first} to {last}"


def total(sets: Mapping[KernelSetId, Estimate], cells: int, session: Session) -> str:
    """Return a line on what all ``sets`` take with ``cells`` wheels."""
    wheel = costs.table().wheel
    seconds = sum(row.seconds for row in sets.values()) + cells * wheel.seconds
    return (
        f"in all about {duration(seconds)} on this machine ({counted(session.limits.jobs, 'job')}, "
        f"{gigabytes(session.limits.budget)} GB for compiles), {duration(wheel.seconds)} of it per wheel, "
        "downloads apart"
    )


def images(planned: Iterable[Planned], matrix: Matrix) -> list[str]:
    """Return a line for each CUDA that compiles kernels of the cells: the image they are built in where there is an
    engine, and if it is pinned.
    """
    used = {(need.cuda, need.machine) for need in (need_of(row.cell, matrix) for row in planned)}
    return [
        f"image of CUDA {version}: {image.reference}{'' if image.pinned else ', not pinned (nox -s pin)'}"
        for version, row in matrix.toolkits.items()
        for machine, image in row.every_image.items()
        if (version, machine) in used
    ]


def _image(cell: Cell, matrix: Matrix) -> PlannedImage | None:
    found = matrix.toolkits[need_of(cell, matrix).cuda].image_of(cell.machine)
    return PlannedImage(name=found.name, digest=found.digest) if found else None


def to_json(planned: Sequence[Planned], sets: dict[KernelSetId, Estimate], matrix: Matrix) -> str:
    """Return the plan for programs."""
    wheel = costs.table().wheel
    cells = (
        PlannedCell(
            id=row.cell.id,
            state=row.state,
            reason=row.reason,
            profile=row.cell.profile,
            archs=tuple(map(str, row.cell.archs)),
            wheel=wheel_filename(row.cell),
            release=release_tag(row.cell.flash_attn),
            kernels=str(need_of(row.cell, matrix)),
            image=_image(row.cell, matrix),
            seconds=wheel.seconds,
            peak_bytes=wheel.peak,
        )
        for row in planned
    )
    kernel_sets = (
        PlannedSet(
            id=str(need),
            units=row.units,
            seconds=round(row.seconds),
            cpu_seconds=round(row.cpu_seconds),
            peak_bytes=row.peak,
        )
        for need, row in sets.items()
    )
    return PlanDocument(cells=tuple(cells), kernel_sets=tuple(kernel_sets)).to_json()
