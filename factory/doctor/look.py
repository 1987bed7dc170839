"""Looks at this machine for ``doctor``: nothing is written, nothing fetched, and what fails is a finding."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import psutil

from factory.data import DATA
from factory.doctor import cudahome, installed, kind, parse
from factory.doctor.facts import Capacity, Facts, Fetchable, FetchableCompiler, Gpu, Home, Missing, Program, Supply
from factory.doctor.versionbound import series
from factory.environment import fetchedpython, interpreter
from factory.environment.environment import Installer
from factory.environment.requirements import lock_name
from factory.errors import FactoryError, InterpreterError, UsageError
from factory.image import engine
from factory.kernels import crosscompiler, hostcompiler
from factory.kernels.hostcompiler import HostCompiler, Wanted
from factory.matrix.kernelset import need_of
from factory.matrix.model import Cell, Matrix, Toolkit
from factory.plan import disks
from factory.platforms import own_machine
from factory.system import files, gpu, machine
from factory.system.cache import cache_root
from factory.toolkit import headerfix, mended
from factory.toolkit.find import World
from factory.toolkit.headerfix import HeaderFix

_Found = TypeVar("_Found")
_PROGRAMS = ("git", "ninja", "uv")


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The caller's environment, where wheels would go, and the world that toolkits come from."""

    env: Mapping[str, str]
    dist: Path
    world: World

    @property
    def cache(self) -> Path | None:
        """Where the cache is, or would be; None where there is no place for it."""
        try:
            return cache_root(self.env)
        except UsageError:
            return None


def look(here: Surroundings, matrix: Matrix) -> Facts:
    """Return all that was seen and does not depend on a cell; what cannot be seen is Missing."""
    env, local = here.env, here.world.local
    pythons = {python for torch in matrix.torch.values() for build in torch.builds for python in build.pythons}
    home, toolkits = cudahome.home(env, local), cudahome.toolkits(env, here.cache, local)
    return Facts(
        nvcc=cudahome.nvcc(env),
        home=home,
        toolkits=toolkits,
        header_fixes=_header_fixes([*toolkits.values(), home], here.world.fixes),
        gcc=_compiler(env.get("CC") or "gcc", env),
        gxx=_compiler(env.get("CXX") or "g++", env),
        compilers={name: _tried(partial(_chosen, row, here)) for name, row in matrix.toolkits.items()},
        python=installed.find(env),
        pythons={name: _tried(partial(_interpreter, name, env)) for name in sorted(pythons)},
        capacity=_capacity(env, matrix),
        rooms=_tried(lambda: disks.rooms(cache_root(env), here.dist)),
        gpus=_tried(partial(_gpus, env)),
        engine=_tried(lambda: str(engine.find(env))),
        programs={name: _program(name, env) for name in _PROGRAMS},
        machine=own_machine(),
        glibc=machine.glibc(),
        kind=kind.look(env),
    )


def supply(cell: Cell, here: Surroundings, matrix: Matrix) -> Supply:
    """Return what the factory has for ``cell``, and what it would fetch."""
    compiling = need_of(cell, matrix).cuda
    toolkit, passed_over = cudahome.supply(compiling, here.env, here.cache, here.world)
    own = None if cell.cuda == compiling else cudahome.runtime(cell.cuda, here.env, here.cache, here.world)
    torch = matrix.torch[cell.torch]
    build = matrix.build_of(cell)
    lock = files.text_of(DATA / "locks" / lock_name(torch, build))
    fixes = headerfix.meant_for(compiling, here.world.fixes)
    fitting = mended.fitting(Path(toolkit.path), compiling, fixes) if isinstance(toolkit, Home) else fixes
    return Supply(
        toolkit=toolkit,
        runtime=own,
        header_fixes=fitting,
        altered=tuple(fix for fix in fixes if fix not in fitting),
        passed_over=passed_over,
        environment=here.cache is not None
        and files.is_directory(installer(here.cache, here.env).place(torch, build, cell.python)),
        cudnn=parse.cudnn_locked(lock or ""),
        cross=None if cell.machine == own_machine() else _tried(partial(_cross, cell, here, matrix)),
    )


def installer(cache: Path, env: Mapping[str, str]) -> Installer:
    """Return what knows where environments are in ``cache``."""
    return Installer(
        cache=cache, env=env, interpreter=lambda version: interpreter.find(version, env), say=lambda _: None
    )


def _tried(see: Callable[[], _Found]) -> _Found | Missing:
    """Return what ``see`` gives, else why it does not."""
    try:
        return see()
    except FactoryError as error:
        return Missing(what=_joined([error.what, *error.why]), remedy=error.remedy.partition("\n")[0])
    except OSError as error:
        return Missing(what=str(error))


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(part.strip().replace("\n", " ") for part in parts)


def _compiler(name: str, env: Mapping[str, str]) -> Program | Missing:
    path = shutil.which(name, path=env.get("PATH", ""))
    if path is None:
        return Missing(what=f"{name} is not on PATH")
    version = hostcompiler.version_of(path, env)
    return Program(path=path, version=version, said="it does not describe itself as a gcc")


def _chosen(toolkit: Toolkit, here: Surroundings) -> Program | FetchableCompiler:
    match hostcompiler.choose(toolkit, here.env, here.cache):
        case HostCompiler(path=path, version=version):
            return Program(path=str(path), version=version)
        case Wanted(pin=pin, refused=refused):
            return FetchableCompiler(title=pin.title, size=pin.size, why=_joined(refused.why))


def _cross(cell: Cell, here: Surroundings, matrix: Matrix) -> Program:
    found = crosscompiler.find(matrix.toolkits[need_of(cell, matrix).cuda], cell.machine, here.env)
    return Program(path=str(found.path), version=found.version)


def _header_fixes(homes: Iterable[Home | Missing], known: Sequence[HeaderFix]) -> dict[str, tuple[HeaderFix, ...]]:
    """Return what the headers of each CUDA version lack; of two toolkits of one version the last one counts."""
    published = {version: headerfix.meant_for(version, known) for fix in known for version in fix.releases}
    here = {series(one.release): one for one in homes if isinstance(one, Home) and one.release}
    return published | {name: mended.fitting(Path(one.path), name, known) for name, one in here.items()}


def _interpreter(version: str, env: Mapping[str, str]) -> str | Fetchable:
    try:
        return str(interpreter.find(version, env))
    except InterpreterError as error:
        return Fetchable(by=str(fetchedpython.fetcher(version, env, error.why)))


def _program(name: str, env: Mapping[str, str]) -> str | Missing:
    return shutil.which(name, path=env.get("PATH", "")) or Missing(what=f"{name} is not on PATH")


def _gpus(env: Mapping[str, str]) -> tuple[Gpu, ...]:
    return tuple(Gpu(name=one.name, capability=one.capability, driver=one.driver) for one in gpu.find(env))


def _capacity(env: Mapping[str, str], matrix: Matrix) -> Capacity:
    seen, limits = machine.read(), machine.limits(env, max_jobs=matrix.max_jobs)
    return Capacity(
        cores=seen.cores,
        hardware_cores=os.cpu_count() or 1,
        memory=seen.memory,
        hardware_memory=int(psutil.virtual_memory().total),
        swap=seen.swap,
        free=seen.free,
        jobs=limits.jobs,
        budget=limits.budget,
        asked=env.get("MAX_JOBS", ""),
        most_jobs=matrix.max_jobs,
    )
