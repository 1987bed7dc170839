"""Build the wheel of one cell: kernels from the pool, the rest by upstream's own ``setup.py`` through pip."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.core.errors import DiskFullError, InstallError, WheelBuildError
from factory.core.model import Cell, Matrix, Profile, Torch, TorchBuild
from factory.core.progress import duration
from factory.core.recipe import Recipe, Site, cxx_flags, recipe
from factory.core.wheel.facts import Expected
from factory.core.wheel.name import wheel_filename
from factory.data import DATA
from factory.driver.job import DriverJob
from factory.edge import disk, elf, hostcompiler, shell
from factory.edge.cache import locked
from factory.edge.digest import sha256_of
from factory.edge.environment import Environment, Installer
from factory.edge.workshop import Workshop
from factory.verb.kernels import KernelSet

# Run beside the real torch: first every symbol the extension lacks is looked up in what torch has loaded, so that
# all that are missing are named; then the extension is loaded with every symbol bound at once.
_LOAD = r"""
import ctypes, importlib, json, os, sys, torch
paths = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
libraries = [ctypes.CDLL(None), *(ctypes.CDLL(path) for path in sorted(paths))]
for name, symbols in json.loads(sys.argv[2]).items():
    missing = [symbol for symbol in symbols if not any(hasattr(library, symbol) for library in libraries)]
    if missing:
        sys.exit("\n".join(f"undefined symbol: {symbol}" for symbol in missing))
sys.setdlopenflags(os.RTLD_NOW)
sys.path.insert(0, sys.argv[1])
for name in json.loads(sys.argv[2]):
    importlib.import_module(name)
"""


@dataclass(frozen=True, kw_only=True)
class CellWanted:
    """One wheel to make: the cell and the rows of the matrix it stands on."""

    cell: Cell
    torch: Torch
    build: TorchBuild
    profile: Profile


def prepare(wanted: CellWanted, installer: Installer) -> Environment:
    """Give the environment ``wanted`` is built in. Raises what ``installer`` raises."""
    return installer.prepare(wanted.torch, wanted.build, wanted.cell.python)


def build(wanted: CellWanted, kernels: KernelSet, *, installer: Installer, shop: Workshop, dist: Path) -> Path:
    """Make the wheel of ``wanted`` from ``kernels`` and give its path in ``dist``.

    Raises TorchClassError when this torch does not fit the kernels, WheelBuildError when the C++ file,
    the link or the packing fails, InstallError when torch lacks a symbol, and what ``installer`` raises.
    """
    began = time.monotonic()
    environment = prepare(wanted, installer)
    _check_class(wanted.torch, kernels, environment, shop)
    final = dist / wheel_filename(wanted.cell)
    workspace = shop.cache / "work" / final.stem
    with locked(workspace.with_name(f".{final.stem}.lock")):
        shutil.rmtree(workspace, ignore_errors=True)
        site = _lay_out(workspace, wanted, kernels, environment, shop)
        made = _run(recipe(wanted.cell, site, jobs=shop.limits.jobs, env=shop.env), site, wanted.cell, shop)
        _load(made, workspace / "loaded", environment, wanted)
        _deliver(made, final)
        shutil.rmtree(workspace)
    shop.log.say(f"wheel: {final} ({final.stat().st_size / 1e6:.1f} MB) in {duration(time.monotonic() - began)}")
    return final


def _load(wheel: Path, into: Path, environment: Environment, wanted: CellWanted) -> None:
    """Load the extension beside the real torch with every symbol bound at once: what is missing shows here."""
    with zipfile.ZipFile(wheel) as archive:
        modules = [name for name in archive.namelist() if name.endswith(".so") and "/" not in name]
        archive.extractall(into, members=modules)
    lacking = {name.partition(".")[0]: sorted(elf.read(into / name, name).undefined) for name in modules}
    done = shell.run([environment.python, "-I", "-c", _LOAD, into, json.dumps(lacking)], timeout=600)
    if not done.ok:
        raise InstallError(
            f"the wheel of {wanted.cell.id} does not load with torch {wanted.torch.release}",
            why=_undefined(done.stderr) or done.stderr.strip().splitlines()[-1:],
            remedy="Nothing was written to the output directory. An undefined symbol names the library that lacks it.",
        )


def _undefined(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("undefined symbol: ")]


def _deliver(made: Path, final: Path) -> None:
    """Copy a finished wheel so that it is there whole or not at all."""
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = final.with_name(f".{final.name}.part")
    shutil.copyfile(made, partial)
    partial.replace(final)


def wanted(cell: Cell, matrix: Matrix) -> CellWanted:
    """Gather the rows of ``matrix`` that ``cell`` stands on."""
    torch = matrix.torch[cell.torch]
    build_row = next(row for row in torch.builds if row.cuda == cell.cuda and row.cxx11abi == cell.cxx11abi)
    return CellWanted(cell=cell, torch=torch, build=build_row, profile=matrix.profiles[cell.profile])


def _check_class(torch: Torch, kernels: KernelSet, environment: Environment, shop: Workshop) -> None:
    include = environment.torch / "include"
    hostcompiler.check_class(
        kernels.ready.wanted.kernel_class,
        torch,
        compiler=kernels.ready.compiler,
        include_dirs=(include, kernels.ready.toolkit.home / "include"),
        env=shop.env,
    )


def _lay_out(workspace: Path, wanted: CellWanted, kernels: KernelSet, environment: Environment, shop: Workshop) -> Site:
    """Make the directory a wheel is built in: a copy of the source, the objects, the two drivers and their job."""
    drivers, objects = workspace / "bin", workspace / "objects"
    drivers.mkdir(parents=True)
    objects.mkdir()
    assembler = kernels.assembler(shop)
    assembled = {unit.source: assembler.assemble(unit, objects) for unit in kernels.ready.units}
    site = Site(
        source=workspace / "source",
        wheelhouse=workspace / "wheelhouse",
        python=environment.python,
        site_packages=environment.site_packages,
        cuda_home=kernels.ready.toolkit.home,
        nvcc=_driver(drivers / "nvcc", "factory.driver.nvcc"),
        cxx=_driver(drivers / "g++", "factory.driver.cxx"),
        job_file=workspace / "driver.json",
    )
    shutil.copytree(kernels.ready.root, site.source, symlinks=True)
    DriverJob(
        root=str(site.source),
        nvcc=str(kernels.ready.toolkit.nvcc),
        cxx=str(kernels.ready.compiler.path),
        nvcc_flags=kernels.flags,
        cxx_flags=cxx_flags(wanted.profile, site, standard=wanted.torch.cxx_standard),
        objects={source: (str(path), sha256_of(path)) for source, path in assembled.items()},
    ).write(site.job_file)
    return site


def _driver(path: Path, module: str) -> Path:
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -m {module} "$@"\n')
    path.chmod(0o755)
    return path


def _run(made_by: Recipe, site: Site, cell: Cell, shop: Workshop) -> Path:
    log = shop.cache / "logs" / f"wheel-{Path(wheel_filename(cell)).stem}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    shop.log.say(f"building the wheel of {cell.id}; output in {log}")
    with log.open("w") as sink:
        status = shell.stream(made_by.argv, line=lambda text: print(text, file=sink, flush=True), env=made_by.env)
    wheels = list(site.wheelhouse.glob("*.whl")) if site.wheelhouse.is_dir() else []
    if status or len(wheels) != 1:
        raise _failure(log, status, cell)
    return wheels[0]


def _failure(log: Path, status: int, cell: Cell) -> WheelBuildError | DiskFullError:
    lines = log.read_text(errors="replace").splitlines()
    why = [*_first_errors(lines), f"whole log: {log}"]
    if disk.named("\n".join(lines)) or disk.filled(log.parent):
        return DiskFullError(
            f"the disk is full while building {cell.id}", why=why, remedy="Free some space, then again."
        )
    return WheelBuildError(
        f"the wheel of {cell.id} was not made (pip's status {status})",
        why=why,
        remedy="The kernels are kept; mend the cause and run the same command again.",
    )


def _first_errors(lines: Sequence[str]) -> list[str]:
    signs = ("error:", "fatal:", "wheel factory:", "Error:")
    return [line.strip() for line in lines if any(sign in line for sign in signs)][:4] or [
        line.strip() for line in lines[-4:]
    ]


def expected(wanted: CellWanted, kernels: KernelSet, shop: Workshop) -> Expected:
    """Say what the audit holds the wheel of ``wanted`` to, this machine's paths included."""
    paths = (shop.cache, kernels.ready.toolkit.home, DATA, Path(sys.prefix), Path.cwd())
    return Expected.of_cell(
        wanted.cell,
        check_symbol=kernels.ready.wanted.kernel_class.check_symbol,
        build_paths=tuple(str(path) for path in paths),
    )
