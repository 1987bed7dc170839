"""Fetches what a wheel for another machine is compiled and linked with: its torch, CUDA runtime and Python headers.

Nothing of it runs here. Files are checked by the hashes of the lock file, or those that their source states.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from factory.data import DATA
from factory.environment import fetchedpython
from factory.environment.environment import Installer
from factory.environment.requirements import lock_name, only, runtime_requirement, torch_requirement
from factory.environment.target import Target
from factory.errors import EnvironmentInstallError, FactoryError, InterpreterError
from factory.matrix.model import Cell, Torch, TorchBuild
from factory.session import Session
from factory.system import plainyaml
from factory.system.cache import made_once
from factory.toolkit import debian
from factory.toolkit.pins import Package
from factory.toolkit.source import Errand
from factory.toolkit.store import take
from factory.versions import cuda_token, python_tag

_HEADERS = TypeAdapter(Mapping[str, Mapping[str, Package]])


def provide(cell: Cell, torch: Torch, build: TorchBuild, installer: Installer, session: Session) -> Target:
    """Return what the wheel of ``cell``, for a machine that is not this one, is compiled and linked with.

    Raises what ``installer`` raises, UnreachableError, DigestError, DiskFullError, EnvironmentInstallError, and
    InterpreterError where no headers of such a Python are to be had.
    """
    include = _headers(cell.python, cell.machine, session)
    wanted = _requirements(torch, build)
    home = place(cell, torch, build, session.cache)
    if not home.is_dir():
        session.log.say(f"fetching torch {torch.release} for {cell.machine}, which the wheel is linked with: once")
    native = installer.prepare(torch, build, cell.python)  # for its pip
    made_once(
        home,
        lambda draft: installer.lay_out(native.python, draft, wanted, python=cell.python, machine=cell.machine),
    )
    return Target(machine=cell.machine, torch=home / "torch", runtime=_runtime(home), include=include)


def place(cell: Cell, torch: Torch, build: TorchBuild, cache: Path) -> Path:
    """Return where the torch that ``cell`` is linked with is, or will be."""
    digest = hashlib.sha256(_requirements(torch, build).encode()).hexdigest()[:12]
    name = f"torch{torch.release}-{cuda_token(build.cuda)}-{python_tag(cell.python)}-{cell.machine}-{digest}"
    return cache / "targets" / name


def _requirements(torch: Torch, build: TorchBuild) -> str:
    """Return torch and CUDA's runtime, with their hashes where there is a lock file."""
    lock = DATA / "locks" / lock_name(torch, build)
    wanted = (torch_requirement(torch), runtime_requirement(build))
    return only(wanted, lock.read_text(encoding="utf-8")) if lock.is_file() else "".join(f"{one}\n" for one in wanted)


def _runtime(home: Path) -> Path:
    """Return the directory of CUDA's runtime, which the linker looks for under a name without a number."""
    for library in sorted(home.glob("nvidia/*/lib/libcudart.so.*")):
        link = library.with_name("libcudart.so")
        if not link.exists():
            link.symlink_to(library.name)
        return library.parent
    raise EnvironmentInstallError(
        f"{home} has no CUDA runtime", remedy=f"Remove {home} and run the same command again."
    )


def _headers(python: str, machine: str, session: Session) -> Path:
    """Return the directory that has the headers of ``python`` for ``machine``: Debian's package, or what uv fetches."""
    package = packages().get(machine, {}).get(python)
    why = f"factory/data/pythonheaders.yaml lists none for {machine}"
    if package is not None:
        home = session.cache / "targets" / f"python{python}-{machine}-{package.sha256[:12]}"
        try:
            made_once(home, lambda draft: _unpack(package, draft, session))
        except FactoryError as error:
            why = "; ".join([error.what, *error.why])
        else:
            return home / "include"
    uv = fetchedpython.fetcher(python, session.env, [f"no headers of Python {python}: {why}"])
    made = fetchedpython.fetch(python, uv, session.env, session.log.say, machine=machine)
    include = made.parent.parent / "include"
    if not (include / f"python{python}" / "Python.h").is_file():
        raise InterpreterError(
            f"the Python {python} for {machine} that uv fetched has no headers", remedy="Build for another Python."
        )
    return include


def packages() -> Mapping[str, Mapping[str, Package]]:
    """Return Debian's packages of headers by machine and Python, as ``factory/data/pythonheaders.yaml`` has them."""
    text = (DATA / "pythonheaders.yaml").read_text(encoding="utf-8")
    return _HEADERS.validate_python(plainyaml.load(text))


def _unpack(package: Package, draft: Path, session: Session) -> None:
    trees, downloads = draft / "trees", session.cache / "downloads" / package.name
    trees.mkdir()
    downloads.mkdir(parents=True, exist_ok=True)
    errand = Errand(env=session.env, downloads=downloads, trees=trees, say=session.log.say)
    take(package, debian.fetch([package], errand)[package.name], draft)
    shutil.rmtree(trees)
    shutil.rmtree(downloads)
