"""What the factory needs of this machine to build a cell, and what it brings itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from factory.doctor import capacity, kindlines
from factory.doctor.facts import Facts, Fetch, Fetchable, FetchableCompiler, Home, Missing, Program, Supply
from factory.doctor.result import Line, Purpose, Section, ok, problem, warning
from factory.doctor.target import Needs, spelt
from factory.matrix import native
from factory.matrix.kernelset import need_of
from factory.matrix.model import Cell, Matrix
from factory.toolkit import headerfix
from factory.toolkit.headerfix import HeaderFix
from factory.toolkit.toolkit import NAMED
from factory.versions import numbers

_IN_IMAGE = "needed only where the container image cannot be had"


def section(cell: Cell, facts: Facts, supply: Supply, matrix: Matrix, needs: Needs) -> Section:
    """Return how the machine is fit for what building ``cell`` with ``nox -s build`` takes."""
    facts = replace(facts, engine=engine(cell, facts))
    lines = (
        *_machine(cell, facts, matrix),
        *kindlines.lines(facts),
        _toolkit(need_of(cell, matrix).cuda, facts, supply),
        *_runtime(cell, facts, supply),
        _compiler(need_of(cell, matrix).cuda, facts, needs),
        *_cross(cell, supply),
        _python(cell, facts),
        *_brought(cell, supply, matrix),
        *capacity.by_factory(facts.capacity, needs),
        *capacity.disks(facts.rooms, needs.wants),
        _engine(cell, facts),
        *capacity.gpu(cell, facts.gpus, matrix),
        _git(facts),
    )
    return Section(purpose=Purpose.FACTORY, against=spelt(cell, matrix), lines=lines)


def engine(cell: Cell, facts: Facts) -> str | Missing:
    """Return the engine whose containers ``cell`` is built in, or why there is none."""
    said = native.uncontained([cell], facts.machine)
    return Missing(what=said) if said else facts.engine


def _machine(cell: Cell, facts: Facts, matrix: Matrix) -> Iterator[Line]:
    if said := native.foreign(cell, facts.machine):
        yield problem("machine", said, native.remedy(facts.machine, matrix))


def _toolkit(cuda: str, facts: Facts, supply: Supply) -> Line:
    passed = "".join(f"; {line}" for line in (*_mended(supply), *supply.passed_over))
    match supply.toolkit:
        case Home(origin=origin, path=path, release=release):
            odd = headerfix.on(facts.glibc, supply.altered)
            if odd:
                return _altered(f"{release} from {origin}: {path}", origin, odd, facts)
            return ok("CUDA", f"{release} from {origin}: {path}{passed}")
        case Fetch(title=title, size=size):
            megabytes = f"{size / 1e6:.0f} MB"
            return ok(
                "CUDA", f"not needed here, the factory fetches {cuda} from {title} ({megabytes}), no root{passed}"
            )
        case Missing(what=what, remedy=remedy):
            return _lacking("CUDA", what + passed, remedy, facts)


def _runtime(cell: Cell, facts: Facts, supply: Supply) -> Iterator[Line]:
    """Yield what host code is made with where another toolkit compiles the kernels."""
    subject = f"CUDA {cell.cuda}"
    match supply.runtime:
        case Home(origin=origin, path=path, release=release):
            yield ok(subject, f"headers and runtime {release} from {origin}: {path}")
        case Fetch(title=title, size=size):
            yield ok(
                subject, f"the factory fetches its headers and runtime from {title} ({size / 1e6:.0f} MB), no root"
            )
        case Missing(what=what, remedy=remedy):
            yield _lacking(subject, what, remedy, facts)


def _mended(supply: Supply) -> Iterator[str]:
    """Yield which headers are mended, and since which glibc that is needed."""
    if supply.header_fixes:
        oldest = min((fix.glibc for fix in supply.header_fixes), key=numbers)
        yield f"headers mended for glibc {oldest} and newer ({headerfix.functions(supply.header_fixes)})"


def _altered(here: str, origin: str, fixes: Sequence[HeaderFix], facts: Facts) -> Line:
    """Word headers that are not as NVIDIA published them, where that may keep them from compiling."""
    said = f"{here}; its headers are not as NVIDIA published them, so they are not mended for glibc {facts.glibc}"
    remedy = "The build tries it first, in seconds."
    named = f" If it fails, type: unset {origin}; then the factory takes another." if origin in NAMED else ""
    return warning("CUDA", f"{said} ({headerfix.functions(fixes)})", remedy + named)


def _compiler(cuda: str, facts: Facts, needs: Needs) -> Line:
    found = facts.compilers[cuda]
    if isinstance(found, Missing):
        return _lacking("g++", found.what, found.remedy, facts)
    if isinstance(found, FetchableCompiler):
        megabytes = f"{found.size / 1e6:.0f} MB"
        return ok("g++", f"not needed here, the factory fetches {found.title} ({megabytes}), no root: {found.why}")
    if numbers(found.version or "") < (needs.oldest_gcc,):
        remedy = f"Install g++-{needs.oldest_gcc} or newer."
        return _lacking(
            "g++", f"{found.path} is {found.version}; torch needs {needs.oldest_gcc} or newer", remedy, facts
        )
    return ok("g++", f"{found.path}, {found.version}, which CUDA {cuda} takes")


def _cross(cell: Cell, supply: Supply) -> Iterator[Line]:
    """Yield what compiles the host code of a cell for another machine, which no image has."""
    match supply.cross:
        case Missing(what=what, remedy=remedy):
            yield problem("cross g++", what, remedy)
        case Program(path=path, version=version):
            yield ok("cross g++", f"{path}, {version}, compiles the host code for {cell.machine}")


def _python(cell: Cell, facts: Facts) -> Line:
    match facts.pythons[cell.python]:
        case Missing(what=what, remedy=remedy):
            return _lacking("Python", what, remedy, facts)
        case Fetchable(by=by):
            return ok("Python", f"not needed here, the factory has uv fetch {cell.python} ({by})")
        case path:
            return ok("Python", f"{cell.python}: {path}")


def _lacking(subject: str, said: str, remedy: str, facts: Facts) -> Line:
    """Word what is lacking; with a container engine the image has it."""
    if isinstance(facts.engine, Missing):
        return problem(subject, said, remedy)
    return warning(subject, f"{said}; {_IN_IMAGE}", remedy)


def _brought(cell: Cell, supply: Supply, matrix: Matrix) -> Iterator[Line]:
    torch = matrix.torch[cell.torch]
    where = "is in the cache" if supply.environment else "not needed here, the factory installs"
    name = f"torch {torch.release} for CUDA {cell.cuda}"
    yield ok("torch", f"{name} {where}" if supply.environment else f"{where} {name} for Python {cell.python}")
    tools = f"ninja, packaging, pip, setuptools{torch.setuptools} and wheel"
    yield ok("build tools", f"not needed here, the factory installs {tools} beside torch, without build isolation")
    brings = f"torch brings {supply.cudnn}" if supply.cudnn else "torch brings its own"
    yield ok("cuDNN", f"not needed here: {brings}, and flash-attn neither compiles against it nor loads it")


def _engine(cell: Cell, facts: Facts) -> Line:
    if isinstance(facts.engine, Missing) and facts.kind.container:
        return ok("container", f"none is started in this one: wheels built in it need its glibc, {facts.glibc}")
    if said := native.uncontained([cell], facts.machine):
        return ok("container", f"not needed here: {said}, but on it itself")
    if isinstance(facts.engine, Missing):
        glibc = f", so they need its glibc, {facts.glibc}" if facts.glibc else ""
        said = f"{facts.engine.what}: wheels are built on this machine itself{glibc}"
        return warning("container", said, facts.engine.remedy)
    return ok(
        "container",
        f"{facts.engine}; wheels are built in the image of matrix.yaml, without it on this machine itself",
    )


def _git(facts: Facts) -> Line:
    found = facts.programs["git"]
    if isinstance(found, str):
        return ok("git", f"{found}, to know the repository whose releases may hold kernels")
    remedy = "Install git, or type: export GITHUB_REPOSITORY=OWNER/NAME"
    return warning("git", f"{found.what}, so the repository whose releases may hold kernels is not known", remedy)
