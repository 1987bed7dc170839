"""The host C++ compiler: which one, how new, and whether a torch's headers fit kernels that know none."""

from __future__ import annotations

import functools
import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.data import DATA
from factory.errors import FactoryError, HostCompilerError, TorchHeadersError
from factory.kernels import fetchedcompiler
from factory.kernels.compilerpin import CompilerPin
from factory.matrix.model import Toolkit, Torch
from factory.system import process
from factory.system.environ import inherited

BRIDGE = DATA / "bridge.h"
"""What the C++ file of an extension is compiled after: torch's state and check as kernels take them."""

_MAJOR = re.compile(r"^(\d+)")
_GLIBC = "glibc declares"  # the words of data/host_check.cpp
_PACKAGE = re.compile(r"^g\+\+-(\d+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class HostCompiler:
    """A g++: its path, its version (``12.2.0``), a sha256 that stands for it in keys, and its binutils' objcopy."""

    path: Path
    version: str
    digest: str
    objcopy: Path


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The g++ to fetch, because all that are here were ``refused``."""

    pin: CompilerPin
    refused: HostCompilerError


def find(toolkit: Toolkit, env: Mapping[str, str], further: Sequence[Path] = ()) -> HostCompiler:
    """Return the g++ to compile for ``toolkit`` with: ``$CXX`` if set, else ``g++``, ``g++-N``, a ``further`` one.

    Taken is the first that the toolkit accepts by its version and that compiles ``data/host_check.cpp`` here.
    Raises HostCompilerError when there is none.
    """
    found, seen = first(_candidates(toolkit, env, further), toolkit, env)
    if found is not None:
        return found
    raise HostCompilerError(
        f"CUDA {toolkit.version} needs a host g++ of at most version {toolkit.newest_gcc}",
        why=seen or [f"none of {', '.join(_names(toolkit, env))} is on PATH"],
        remedy=_remedy(toolkit.newest_gcc, seen, env),
    )


def first(candidates: Iterable[str], toolkit: Toolkit, env: Mapping[str, str]) -> tuple[HostCompiler | None, list[str]]:
    """Return the first g++ of the paths ``candidates`` that ``toolkit`` takes, and what is wrong with those before it.

    Raises HostCompilerError where it has no objcopy.
    """
    seen: list[str] = []
    for path in candidates:
        version, digest = _version(path, env), _digest(path, env)
        complaint = _complaint(path, version if digest else "", toolkit, env)
        if complaint is None:
            return HostCompiler(path=Path(path), version=version, digest=digest, objcopy=_objcopy(path, env)), seen
        seen.append(complaint)
    return None, seen


def choose(toolkit: Toolkit, env: Mapping[str, str], cache: Path | None) -> HostCompiler | Wanted:
    """Return what ``find`` finds, one that was fetched into ``cache`` included, else which one to fetch.

    ``CXX`` is not overruled. Raises HostCompilerError where none is here and none can be fetched, with why.
    """
    pin = fetchedcompiler.pin()
    kept = fetchedcompiler.stored(pin, cache) if cache else None
    try:
        return find(toolkit, env, [kept] if kept else [])
    except HostCompilerError as refused:
        if kept:
            raise
        obstacle = _obstacle(pin, toolkit, env, refused)
        if obstacle is None:
            return Wanted(pin=pin, refused=refused)
        raise HostCompilerError(refused.what, why=[*refused.why, obstacle], remedy=refused.remedy) from refused


def provide(toolkit: Toolkit, env: Mapping[str, str], cache: Path, say: Callable[[str], None]) -> HostCompiler:
    """Return what ``choose`` says, fetched into ``cache`` if need be.

    Raises HostCompilerError, with why nothing could be fetched.
    """
    match choose(toolkit, env, cache):
        case HostCompiler() as here:
            return here
        case Wanted(pin=pin, refused=refused):
            say(f"{refused.what}; {'; '.join(refused.why)}")
            try:
                fetched = fetchedcompiler.fetch(pin, cache, env, say)
            except FactoryError as error:
                why = [*refused.why, f"{pin.title} was not fetched: {'; '.join([error.what, *error.why])}"]
                raise HostCompilerError(refused.what, why=why, remedy=refused.remedy) from error
            return find(toolkit, env, [fetched])


def _obstacle(pin: CompilerPin, toolkit: Toolkit, env: Mapping[str, str], refused: HostCompilerError) -> str | None:
    """Return why ``pin`` is of no use here; None where nothing speaks against fetching it."""
    if env.get("CXX"):
        return "CXX names the compiler, so none is fetched"
    if pin.major > toolkit.newest_gcc:
        return f"{pin.title}, which could be fetched, is newer than that"
    if any(_GLIBC in complaint for complaint in refused.why):
        return f"{pin.title}, which could be fetched, would meet the same glibc"
    if not any(_candidates(toolkit, env, ())):
        return f"{pin.title} is not fetched where there is no other g++, whose libraries it needs"
    return fetchedcompiler.obstacle(pin, env)


def _names(toolkit: Toolkit, env: Mapping[str, str]) -> list[str]:
    return [env["CXX"]] if env.get("CXX") else usual_names(toolkit)


def usual_names(toolkit: Toolkit) -> list[str]:
    """Return what a g++ for ``toolkit`` may be called, the machine apart, the preferred name first."""
    return ["g++", *(f"g++-{major}" for major in range(toolkit.newest_gcc, 8, -1))]


def on_path(names: Iterable[str], env: Mapping[str, str]) -> Iterator[str]:
    """Return the paths of those programs ``names`` that are on PATH."""
    found = (shutil.which(name, path=env.get("PATH")) for name in names)
    return (path for path in found if path is not None)


def _candidates(toolkit: Toolkit, env: Mapping[str, str], further: Sequence[Path]) -> Iterator[str]:
    yield from on_path(_names(toolkit, env), env)
    if not env.get("CXX"):
        yield from map(str, further)


def _complaint(path: str, version: str, toolkit: Toolkit, env: Mapping[str, str]) -> str | None:
    """Return why the compiler at ``path`` is not taken; None where it is. ``version`` is empty where that is no gcc."""
    major = _MAJOR.match(version)
    if major is None:
        return f"{path} is not a gcc"
    if int(major[1]) > toolkit.newest_gcc:
        return f"{path} is {version}"
    # Several CUDAs ask for the same one.
    done = _tried(path, Path(path).stat().st_mtime_ns, frozenset(inherited(env).items()))
    if done.ok:
        return None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    told = [line.partition("host check: ")[2] for line in lines if "host check: " in line and "error" in line]
    return f"{path} ({version}): {'; '.join(told or [line for line in lines if 'error' in line][:1] or lines[:1])}"


@functools.lru_cache(maxsize=64)
def _tried(path: str, _changed: int, env: frozenset[tuple[str, str]]) -> process.Completed:
    """Compile the check with the g++ at ``path``, as it is since it was last ``_changed``."""
    command: list[str | Path] = [path, "-std=c++17", "-fsyntax-only", DATA / "host_check.cpp"]
    return process.run(command, env={**dict(env), "LC_ALL": "C"}, timeout=60)


def _remedy(newest: int, seen: Sequence[str], env: Mapping[str, str]) -> str:
    """Return how to get a g++ of at most major ``newest``, by the packages that this machine's apt knows."""
    if any(_GLIBC in complaint for complaint in seen):
        return "No g++ changes this machine's glibc: run the same command again with --backend container."
    if env.get("CXX"):
        return f"Name a g++ of at most version {newest} with CXX=..., or unset CXX, and run the same command again."
    known = process.run(["apt-cache", "pkgnames", "g++-"], env=env, timeout=30).stdout if _has("apt-cache", env) else ""
    majors = [int(match[1]) for match in _PACKAGE.finditer(known) if int(match[1]) <= newest]
    if majors:
        return f"As root, type: apt-get install g++-{max(majors)}; then run the same command again."
    return f"Install g++-{newest} or older, or name one with CXX=..., and run the same command again."


def _has(program: str, env: Mapping[str, str]) -> bool:
    return shutil.which(program, path=env.get("PATH")) is not None


def check_bridge(
    torch: Torch,
    *,
    compiler: HostCompiler,
    include_dirs: Sequence[Path],
    env: Mapping[str, str],
) -> None:
    """Compile ``data/bridge.h``, whose assertions hold torch's real headers to what kernels and their host code know.

    Raises TorchHeadersError with the assertions that failed.
    """
    command: list[str | Path] = [
        compiler.path,
        f"-std=c++{torch.cxx_standard}",
        "-fsyntax-only",
        *(f"-isystem{path}" for path in include_dirs),
        "-xc++",
        BRIDGE,
    ]
    done = process.run(command, env=env, timeout=300)
    if done.ok:
        return
    errors = [line.split("error: ", 1)[1] for line in done.stderr.splitlines() if "error: " in line]
    raise TorchHeadersError(
        f"torch {torch.release} does not fit the kernels; no wheel was linked",
        why=[error.removeprefix("static assertion failed: ") for error in errors[:5]],
        remedy="Have factory/data/bridge.h and the headers in factory/data/standin know what is new in this torch.",
    )


def _objcopy(path: str, env: Mapping[str, str]) -> Path:
    """Ask the compiler where its objcopy is: beside its assembler and linker, else on PATH."""
    named = process.run([path, "-print-prog-name=objcopy"], env=env, timeout=30).stdout.strip()
    found = shutil.which(named or "objcopy", path=env.get("PATH"))
    if found is None:
        raise HostCompilerError(
            f"{path} has no objcopy beside it, nor is one on PATH",
            remedy="Install binutils, and run the same command again.",
        )
    return Path(found)


def _version(path: str, env: Mapping[str, str]) -> str:
    return process.run([path, "-dumpfullversion", "-dumpversion"], env=env, timeout=30).stdout.strip()


def version_of(path: str, env: Mapping[str, str]) -> str | None:
    """Return the version of the gcc at ``path``; None where it is no gcc, or does not say."""
    version = _version(path, env)
    return version if _MAJOR.match(version) and _digest(path, env) else None


def _digest(path: str, env: Mapping[str, str]) -> str:
    """Hash how a gcc describes itself; empty for another compiler, such as a clang called g++."""
    described = process.run([path, "-v", "-E", "-x", "c++", "/dev/null", "-o", "/dev/null"], env=env, timeout=30).stderr
    lines = [line for line in described.splitlines() if line.startswith(("gcc version", "Target:", "Configured with:"))]
    is_gcc = any(line.startswith("gcc version") for line in lines)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if is_gcc else ""
