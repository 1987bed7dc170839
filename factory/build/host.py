"""Build on this machine itself: kernels in the pool, the rest of a wheel by upstream's ``setup.py`` through pip."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from factory.build import finish, loading, madewith, setup
from factory.build.build import Order
from factory.build.container.kernels import Portion
from factory.build.preflight import preflight
from factory.build.recipe import BuildPaths, Recipe, recipe
from factory.build.sbom import Materials
from factory.build.setup import CellWanted
from factory.data import DATA
from factory.diagnose import machine
from factory.diagnose.judge import selector_of
from factory.environment import foreign
from factory.environment.environment import Environment, Installer
from factory.environment.target import Target
from factory.errors import DiskFullError, WheelBuildError
from factory.kernels import costs, kernels, prepared
from factory.kernels.hostcompiler import HostCompiler
from factory.kernels.installed import installed
from factory.kernels.kernels import CompiledSet
from factory.kernels.page import Tally
from factory.kernels.stats import inputs_of, tally
from factory.matrix.checksymbol import check_symbol
from factory.matrix.kernelset import KernelSetId, need_of
from factory.matrix.model import Cell
from factory.matrix.wheelname import wheel_filename
from factory.output.progress import duration
from factory.platforms import own_machine
from factory.pool.store import pool_in
from factory.session import Session
from factory.system import disk, process, zips
from factory.system.cache import locked
from factory.system.files import deliver
from factory.wheel.facts import Expected


@dataclass(frozen=True, kw_only=True)
class Host:
    """The backend that is this machine itself."""

    order: Order
    installer: Installer
    _made: dict[KernelSetId, CompiledSet] = field(default_factory=dict, init=False)

    def look(self) -> None:
        """See that what compiles the kernels ordered is here and works. Raises what ``preflight`` raises."""
        preflight(self.order.cells, self.order.matrix, self.order.session)

    def install(self) -> None:
        """Have the toolkit and the environment of each cell ordered. Raises what finds or installs them raises.

        What cannot be had must show before hours of compiling, not after; what is small, before what is big.
        """
        wanted = [setup.wanted(cell, self.order.matrix) for cell in self.order.cells]
        for one in wanted:
            self.installer.have_python(one.torch, one.build, one.cell.python)
        for one in wanted:
            setup.runtime(one.cell, need_of(one.cell, self.order.matrix).cuda, self.order.session)
        for one in wanted:
            prepare(one, self.installer)
        for one in wanted:
            target(one, self.installer, self.order.session)

    def kernels(self, cells: Sequence[Cell], portion: Portion) -> Tally:
        """Have the kernels that ``cells`` share, or a ``portion`` of them, in the pool; return what came from where.

        Raises what ``factory.kernels.kernels.kernels`` raises.
        """
        need = need_of(cells[0], self.order.matrix)
        wanted = prepared.set_wanted(need, self.order.matrix)
        made = kernels.kernels(wanted, self.order.session, portion.shard, fetch=self.order.fetch, until=portion.until)
        self._made[need] = made
        counted = tally(need, portion.shard, made.origins, pool_in(self.order.session.cache))
        return replace(counted, inputs=inputs_of(made.ready))

    def wheel(self, cell: Cell, dist: Path) -> Path:
        """Make the wheel of ``cell``, whose kernels were had here, and return its path in ``dist``.

        Raises what ``build`` raises, KeyError where ``kernels`` was not called for it.
        """
        wanted = setup.wanted(cell, self.order.matrix)
        return build(wanted, self._of(cell), installer=self.installer, session=self.order.session, dist=dist)

    def expected(self, cell: Cell) -> Expected:
        """Return what the audit holds the wheel of ``cell`` to. Raises KeyError where ``kernels`` was not called for
        it.
        """
        wanted, made, session = setup.wanted(cell, self.order.matrix), self._of(cell), self.order.session
        runtime = setup.runtime(cell, made.ready.wanted.toolkit.version, session)
        told = madewith.here(wanted, inputs_of(made.ready), prepare(wanted, self.installer), runtime, session.env)
        return replace(expected(wanted, made, session), made_with=told)

    def _of(self, cell: Cell) -> CompiledSet:
        return self._made[need_of(cell, self.order.matrix)]


def prepare(wanted: CellWanted, installer: Installer) -> Environment:
    """Return the environment ``wanted`` is built in. Raises what ``installer`` raises."""
    return installer.prepare(wanted.torch, wanted.build, wanted.cell.python)


def build(wanted: CellWanted, kernels: CompiledSet, *, installer: Installer, session: Session, dist: Path) -> Path:
    """Make the wheel of ``wanted`` from ``kernels`` and return its path in ``dist``.

    Raises TorchHeadersError when this torch does not fit the kernels, WheelBuildError when the C++ file, the link or
    the packing fails, DiskFullError when that was for want of room, InstallError when torch lacks a symbol, DigestError
    when a part of the kernels was lost, SourceError as ``sbom.describe`` does, and what ``installer`` and
    ``toolkit.find`` raise.
    """
    began = time.monotonic()
    environment = prepare(wanted, installer)
    final = dist / wheel_filename(wanted.cell)
    workspace = session.cache / "work" / final.stem
    with locked(workspace.with_name(f".{final.stem}.lock")):
        shutil.rmtree(workspace, ignore_errors=True)
        paths = BuildPaths(
            source=workspace / "source",
            workdir=workspace,
            python=environment.python,
            site_packages=environment.site_packages,
            cuda_home=setup.runtime(wanted.cell, kernels.ready.wanted.toolkit.version, session).home,
            target=target(wanted, installer, session),
        )
        setup.set_up(paths, wanted, kernels, session)
        shutil.copytree(kernels.ready.root, paths.source, symlinks=True)
        made = _run(recipe(wanted.cell, paths, jobs=session.limits.jobs, env=session.env), paths, wanted.cell, session)
        _load(made, workspace / "loaded", paths, kernels.ready.linker, wanted)
        spec, root = kernels.ready.wanted, kernels.ready.root
        materials = Materials(release=spec.flash_attn, root=root, torch=wanted.torch, kernels=spec.toolkit.version)
        deliver(finish.finished(made, wanted.cell, materials), final)
        shutil.rmtree(workspace)
    session.log.say(f"wheel: {final} ({final.stat().st_size / 1e6:.1f} MB) in {duration(time.monotonic() - began)}")
    return final


def target(wanted: CellWanted, installer: Installer, session: Session) -> Target | None:
    """Return what ``wanted`` is compiled and linked with where it is for another machine, else None.

    Raises what ``foreign.provide`` raises.
    """
    cell = wanted.cell
    if cell.machine == own_machine():
        return None
    return foreign.provide(cell, wanted.torch, wanted.build, installer, session)


def _load(wheel: Path, into: Path, paths: BuildPaths, linker: HostCompiler, wanted: CellWanted) -> None:
    """Load the extension beside the real torch with every symbol bound at once: what is missing shows here.

    One for another machine is compared with what the libraries of that machine export.
    """
    with zips.opened(wheel) as archive:
        modules = [name for name in archive.namelist() if name.endswith(".so") and "/" not in name]
    zips.unpack(wheel, into, modules)
    unpacked = [into / name for name in modules]
    if paths.target is None:
        loading.load(paths.python, unpacked, torch=wanted.torch.release)
    else:
        loading.compare(unpacked, paths.target, linker, torch=wanted.torch.release)


def _run(made_by: Recipe, paths: BuildPaths, cell: Cell, session: Session) -> Path:
    log = session.cache / "logs" / f"wheel-{Path(wheel_filename(cell)).stem}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    session.log.say(f"building the wheel of {cell.id}; output in {log}")
    with log.open("w", buffering=1) as sink:
        sink.write(process.shown(made_by.argv))
        status = process.stream(made_by.argv, line=lambda text: print(text, file=sink), env=made_by.env)
    wheels = list(paths.wheelhouse.glob("*.whl")) if paths.wheelhouse.is_dir() else []
    if status or len(wheels) != 1:
        raise _failure(log, status, cell, session)
    return wheels[0]


def _failure(log: Path, status: int, cell: Cell, session: Session) -> WheelBuildError | DiskFullError:
    found = machine.of_build(log, cache=session.cache, cell=selector_of(cell), peak=costs.table().peak)
    why = [*found.why, f"whole log: {log}"]
    if found.cause == machine.DISK or disk.filled(log.parent):
        return DiskFullError(
            f"the disk is full while building {cell.id}", why=why, remedy="Free some space, then again."
        )
    return WheelBuildError(
        f"the wheel of {cell.id} was not made (pip's status {status})",
        why=why,
        remedy=found.next if found.known else "The kernels are kept; mend the cause and run the same command again.",
    )


def expected(wanted: CellWanted, kernels: CompiledSet, session: Session) -> Expected:
    """Return what the audit holds the wheel of ``wanted`` to, this machine's paths included.

    Raises SourceError where the sdist packs in a way that is not known here, and what ``toolkit.find`` raises.
    """
    toolkits = (
        kernels.ready.toolkit.home,
        setup.runtime(wanted.cell, kernels.ready.wanted.toolkit.version, session).home,
    )
    paths = (session.cache, *toolkits, DATA, Path(sys.prefix), Path.cwd())
    return Expected.of_cell(
        wanted.cell,
        check_symbol=check_symbol(wanted.cell.torch),
        build_paths=tuple(str(path) for path in paths),
        installed=installed(kernels.ready.wanted.flash_attn, cache=session.cache, env=session.env),
    )
