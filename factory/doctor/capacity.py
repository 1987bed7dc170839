"""Memory and cores with the MAX_JOBS they allow, disks, and the GPU a wheel would run on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from factory.doctor.choose import environment
from factory.doctor.facts import Capacity, Facts, Gpu, Missing
from factory.doctor.result import Line, ok, problem, warning
from factory.doctor.target import Needs, Target
from factory.matrix.advice import Adviser, runs, unfit
from factory.matrix.model import Cell, Matrix
from factory.output.progress import gigabytes, short
from factory.plan import room
from factory.plan.room import Disk, Fit, Room, Want
from factory.system.machine import parse_max_jobs


def by_factory(capacity: Capacity, needs: Needs) -> Iterator[Line]:
    """Yield how many compiles the factory would run at once, and why."""
    yield _memory(capacity, needs.unit)
    fit = max(1, capacity.budget // needs.unit)
    used = max(1, min(capacity.jobs, fit))
    asked = f"MAX_JOBS={capacity.asked}" if parse_max_jobs(capacity.asked) else f"{capacity.cores} cores"
    first = f"{asked} (matrix.yaml allows {capacity.most_jobs})"
    memory = f"memory for {fit} ({gigabytes(capacity.budget)} GB for compiles, up to {gigabytes(needs.unit)} GB each)"
    yield ok("MAX_JOBS", f"{used} at once: {first}, {memory}; watched while it runs, so nothing need be set")


def by_hand(target: Target, facts: Facts, needs: Needs) -> Iterator[Line]:
    """Yield what MAX_JOBS should be for upstream's own build, which watches nothing."""
    capacity = facts.capacity
    yield _memory(capacity, needs.hand_job)
    fit = max(1, capacity.free // needs.hand_job)
    best = max(1, min(capacity.cores, fit))
    why = (
        f"{capacity.cores} cores, memory for {fit} ({gigabytes(capacity.free)} GB free, "
        f"up to {gigabytes(needs.hand_job)} GB each); the guide's {target.guide.max_jobs} is an example"
    )
    yield _max_jobs(capacity, best, why)


def _max_jobs(capacity: Capacity, best: int, why: str) -> Line:
    remedy = f"Type: export MAX_JOBS={best}"
    if not capacity.asked:
        return warning("MAX_JOBS", f"not set; {best} fits: {why}", remedy)
    jobs = parse_max_jobs(capacity.asked)
    if jobs is None:
        return warning("MAX_JOBS", f"{capacity.asked!r} is no number, so torch ignores it; {best} fits: {why}", remedy)
    if jobs > best:
        return warning("MAX_JOBS", f"{capacity.asked} is more than the {best} that fit: {why}", remedy)
    return ok("MAX_JOBS", f"{capacity.asked}; up to {best} fit: {why}")


def _memory(capacity: Capacity, unit: int) -> Line:
    limited = [
        f"{here} of the hardware's {hardware}"
        for here, hardware, less in (
            (f"{capacity.cores} cores", str(capacity.hardware_cores), capacity.cores < capacity.hardware_cores),
            (
                f"{gigabytes(capacity.memory)} GB",
                f"{gigabytes(capacity.hardware_memory)} GB",
                capacity.memory < capacity.hardware_memory,
            ),
        )
        if less
    ]
    container = f"; a container or cgroup allows {' and '.join(limited)}" if limited else ""
    said = f"{gigabytes(capacity.memory)} GB, {gigabytes(capacity.free)} GB free, {capacity.cores} cores{container}"
    needed = f"{said}; one compile may take {gigabytes(unit)} GB"
    match Fit.of(unit, memory=capacity.memory, swap=capacity.swap):
        case Fit.NEVER:
            return problem("memory", needed, "Use a machine, or a container limit, with more memory; or add swap.")
        case Fit.SWAPS:
            swaps = f"{needed}, and then {gigabytes(capacity.swap)} GB of swap are used, which is slow"
            return warning("memory", swaps, "Use a machine, or a container limit, with more memory.")
        case Fit.FITS if capacity.free < unit:
            return warning("memory", needed, "End other programs, or set a container's limit higher.")
    return ok("memory", said)


def disks(rooms: tuple[Room, ...] | Missing, wants: tuple[Want, ...]) -> Iterator[Line]:
    """Yield how the disks of cache and dist hold what will be put there; what shares a disk is added up."""
    if isinstance(rooms, Missing):
        yield problem("disk", rooms.what, rooms.remedy)
        return
    for disk in room.disks(rooms, wants):
        yield from (_disk(one, disk) for one in disk.rooms)


def _disk(one: Room, disk: Disk) -> Line:
    subject = f"disk, {one.use}"
    elsewhere = room.ELSEWHERE[one.use]
    if not one.writable:
        return problem(subject, f"{one.path} cannot be written to", f"Use another directory: {elsewhere}")
    wanted = room.most(want for want in disk.wants if want.use == one.use)
    shared = f", {short(disk.wanted)} with what else goes on that disk" if disk.wanted > wanted else ""
    said = f"{one.path}: {short(one.free)} free; about {short(wanted)} wanted{shared}"
    return (
        ok(subject, said) if disk.fits else problem(subject, said, f"Free some space, or use another disk: {elsewhere}")
    )


def gpu(cell: Cell, found: tuple[Gpu, ...] | Missing, matrix: Matrix) -> Iterator[Line]:
    """Yield how the GPUs fit what the wheel will need; building needs none."""
    if isinstance(found, Missing):
        yield ok("GPU", f"{found.what}; building needs none, `nox -s gpu_test` and using the wheel do")
        return
    adviser = Adviser.of(matrix)
    by_name: Mapping[str, Gpu] = {f"{one.name}, {one.capability}": one for one in found}
    for name, one in by_name.items():
        yield _one_gpu(name, one, cell, adviser)


def _one_gpu(name: str, one: Gpu, cell: Cell, adviser: Adviser) -> Line:
    said = f"{name}, driver {one.driver}"
    there = environment(one)
    wanted = replace(
        there,
        torch=cell.torch,
        cuda=cell.cuda,
        python=cell.python,
        cxx11abi=cell.cxx11abi,
        flash_attn=cell.flash_attn,
        machine=cell.machine,
    )
    if not unfit(cell, there, adviser.matrix) and runs(cell, one.capability):
        return ok("GPU", f"{said}; building needs none")
    advice = adviser.advise(wanted)
    if advice.cell is None:
        return warning("GPU", f"{said}; {advice.why_not}", "Use a newer GPU or driver; no wheel runs on this.")
    why = advice.words or f"the wheel's {' '.join(map(str, cell.archs))} does not run on it"
    return warning("GPU", f"{said}; {why}", f"Type: {advice.command}")
