"""nvcc, CUDA_HOME and its headers, as building by hand needs them."""

from __future__ import annotations

from collections.abc import Iterator

from factory.doctor.facts import Facts, Home, Missing, Program
from factory.doctor.result import Line, State, ok, problem, warning
from factory.doctor.target import Target
from factory.doctor.versionbound import series
from factory.toolkit import headerfix
from factory.versions import numbers

NVCC = "nvcc on PATH"
"""The origin of a toolkit that is what lies two directories above the nvcc on PATH."""

_HEADERS = ("cuda_runtime.h", "cuda_bf16.h")


def lines(target: Target, facts: Facts) -> Iterator[Line]:
    """Yield what torch's extension builder would compile with, in the order in which it looks, judged."""
    yield _home(target, facts)
    yield _nvcc(target, facts)
    if isinstance(facts.home, Missing):
        return
    yield _version(target, facts.home, facts)
    yield from (_header(name, facts.home, target, facts) for name in _HEADERS)
    yield from _rest(facts.home, target, facts)


def advised(target: Target, facts: Facts) -> Home | None:
    """Return the toolkit that the remedies lead to: the one taken now if right and whole, else the best here."""
    if isinstance(facts.home, Home) and _right(facts.home, target) and not facts.home.lacking:
        return facts.home
    fitting = [version for version in facts.toolkits if target.cuda.judge(version) is State.OK]
    best = target.cuda.wanted if target.cuda.wanted in fitting else max(fitting, key=numbers, default=None)
    return facts.toolkits[best] if best else None


def export(target: Target, facts: Facts) -> str:
    """Return what to type to have the wanted toolkit used, and how to get it where none is here."""
    home = advised(target, facts)
    if home is None:
        wanted = target.cuda.wanted
        return f"Install CUDA {wanted}, then where it is: {_exports(f'/usr/local/cuda-{wanted}')}"
    return f"Type: {_exports(home.path)}"


def _exports(home: str) -> str:
    libraries = "$CUDA_HOME/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    return f"export CUDA_HOME={home} && export PATH=$CUDA_HOME/bin:$PATH LD_LIBRARY_PATH={libraries}"


def _home(target: Target, facts: Facts) -> Line:
    home = facts.home
    if isinstance(home, Missing):
        return problem("CUDA_HOME", home.what, export(target, facts))
    if home.release is None:
        return problem(
            "CUDA_HOME", f"{home.origin}: {home.path} holds no nvcc that says its version", export(target, facts)
        )
    if home.origin != "CUDA_HOME":
        said = f"not set; torch would take {home.path} ({home.origin}), CUDA {home.release}"
        return warning("CUDA_HOME", said, export(target, facts))
    return ok("CUDA_HOME", f"{home.path}, CUDA {home.release}")


def _nvcc(target: Target, facts: Facts) -> Line:
    nvcc, home = facts.nvcc, facts.home
    if isinstance(nvcc, Missing):
        if isinstance(home, Home) and home.release is not None:
            return warning(
                "nvcc", f"{nvcc.what}; torch takes that of {home.path}", f"Type: export PATH={home.path}/bin:$PATH"
            )
        return problem("nvcc", nvcc.what, export(target, facts))
    if nvcc.version is None:
        return problem("nvcc", f"{nvcc.path} does not say its version, but: {nvcc.said}", export(target, facts))
    return _agreeing(nvcc, nvcc.version, target, facts)


def _agreeing(nvcc: Program, version: str, target: Target, facts: Facts) -> Line:
    home = facts.home
    if isinstance(home, Home) and home.release is not None and home.release != version:
        said = f"{nvcc.path} is CUDA {version}, but {home.origin} is CUDA {home.release}, and torch takes that"
        return warning("nvcc", said, export(target, facts))
    return ok("nvcc", f"{nvcc.path}, CUDA {version}")


def _right(home: Home, target: Target) -> bool:
    return home.release is not None and target.cuda.judge(home.release) is State.OK


def _version(target: Target, home: Home, facts: Facts) -> Line:
    if home.release is None:
        return problem("CUDA", f"its version is not known; wanted: {target.cuda}", export(target, facts))
    said = f"{home.release}; wanted: {target.cuda}"
    state = target.cuda.judge(home.release)
    if state is State.OK:
        return ok("CUDA", said)
    if (
        state is State.PROBLEM
        and numbers(home.release)[:1] == numbers(target.cuda.wanted)[:1]
        and target.cuda.minimum is None
    ):
        return warning("CUDA", f"{said}; the same major, so torch warns and goes on", export(target, facts))
    return (warning if state is State.WARNING else problem)("CUDA", said, export(target, facts))


def _header(name: str, home: Home, target: Target, facts: Facts) -> Line:
    place = f"include/{name}"
    if place in home.lacking:
        above = ", which is only what lies above the nvcc on PATH" if home.origin == NVCC else ""
        return problem(name, f"there is no {place} in {home.path}{above}", export(target, facts))
    return ok(name, f"{home.path}/{place}")


def _rest(home: Home, target: Target, facts: Facts) -> Iterator[Line]:
    rest = [place for place in home.lacking if place.removeprefix("include/") not in _HEADERS]
    if rest:
        yield problem("toolkit", f"{home.path} lacks {', '.join(rest)}", export(target, facts))


def glibc(target: Target, facts: Facts) -> Iterator[Line]:
    """Yield where the headers of the CUDA that will be used, or is to be installed, clash with this machine's glibc."""
    version = served(target, facts)
    clashing = headerfix.on(facts.glibc, facts.header_fixes.get(version, ()))
    if clashing:
        told = (
            f"{facts.glibc} has {headerfix.functions(clashing)} of its own, declared otherwise than in CUDA {version}"
        )
        mended = max((fix.mended_in for fix in clashing), key=numbers)
        newer = f", or take CUDA {mended} by hand" if target.cuda.judge(mended) is State.OK else ""
        remedy = f"Let the factory mend a copy of them{newer}. Type: nox -s build -- {target.selector}"
        yield problem("glibc", f"{told}'s headers: no .cu file compiles, with any g++", remedy)


def served(target: Target, facts: Facts) -> str:
    """Return the CUDA a host compiler has to serve: that of the toolkit which will be used, else the wanted one."""
    home = advised(target, facts) or facts.home
    here = home.release if isinstance(home, Home) else None
    return series(here) if here and target.cuda.judge(here) is not State.PROBLEM else target.cuda.wanted
