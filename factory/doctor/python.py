"""The Python on PATH with its torch, cuDNN and build tools, as building by hand needs them."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from factory.doctor import cuda
from factory.doctor.facts import Facts, Fetchable, Home, Missing, Python, Torch
from factory.doctor.result import Line, State, ok, problem, warning
from factory.doctor.target import Target, install_command
from factory.doctor.versionbound import series
from factory.matrix.model import Matrix
from factory.versions import abi_word, numbers

_PIP = "pip"
_MAKERS = {State.WARNING: warning, State.PROBLEM: problem}
_NO_CUDNN = "flash-attn itself neither compiles against cuDNN nor loads it"


def lines(target: Target, facts: Facts, matrix: Matrix) -> Iterator[Line]:
    """Yield the interpreter, judged, then what is installed in it."""
    python = facts.python
    if isinstance(python, Missing):
        yield problem("Python", python.what, _get_python(target, facts))
        yield problem("torch", "not known, for want of a Python", _install(target, facts, matrix))
        return
    yield _interpreter(target, python, facts)
    yield from _torch(target, python, facts, _install(target, facts, matrix))
    yield _cudnn(target, python)
    yield from _tools(target, python, facts, matrix)


def _interpreter(target: Target, python: Python, facts: Facts) -> Line:
    state, said = target.python.judge(python.version), f"{python.path} is {python.version}; wanted: {target.python}"
    return ok("Python", said) if state is State.OK else _MAKERS[state]("Python", said, _get_python(target, facts))


def _get_python(target: Target, facts: Facts) -> str:
    wanted = target.python.wanted
    match facts.pythons.get(wanted):
        case None:
            return f"Get one with `uv python install {wanted}`."
        case Missing(remedy=remedy):
            return remedy
        case Fetchable(by=by):
            return f"Type: {by} venv --seed --python {wanted} venv && . venv/bin/activate"
        case path:
            return f"Type: {path} -m venv venv && . venv/bin/activate"


def _torch(target: Target, python: Python, facts: Facts, install: str) -> Iterator[Line]:
    """Judge the torch there is; ``install`` is the remedy where it is none or another one."""
    torch = python.torch
    if torch is None:
        yield problem("torch", f"{python.path} has none; wanted: {target.torch}", install)
        return
    if torch.release is None:
        broken = f"{torch.where} is there, but its version.py does not say which torch it is"
        yield problem("torch", broken, f"{install} --force-reinstall")
        return
    state, said = target.torch.judge(torch.release), f"{torch.release} in {torch.where}; wanted: {target.torch}"
    yield ok("torch", said) if state is State.OK else _MAKERS[state]("torch", said, install)
    yield _torch_cuda(torch, target, facts, install)
    yield _abi(torch, target, install)


def _install(target: Target, facts: Facts, matrix: Matrix) -> str:
    """Return how to get the wanted torch; the newest for the toolkit where its CUDA major is another that will do."""
    home = cuda.advised(target, facts)
    if home and home.release and numbers(home.release)[:1] != numbers(target.cuda.wanted)[:1]:
        version = series(home.release)
        found = [(row, build) for row in matrix.torch.values() for build in row.builds if build.cuda == version]
        if found:
            return f"Type: {install_command(*max(found, key=lambda one: numbers(one[0].release)))}"
    return f"Type: {target.install_torch}"


def _torch_cuda(torch: Torch, target: Target, facts: Facts, install: str) -> Line:
    """Compare as torch's own extension builder does: another major is an error, another minor a warning."""
    subject = "torch's CUDA"
    if torch.cuda is None:
        return problem(subject, f"torch {torch.release} is built without CUDA", install)
    release = facts.home.release if isinstance(facts.home, Home) else None
    if release is None:
        state, said = target.cuda.judge(torch.cuda), f"torch is built for CUDA {torch.cuda}; wanted: {target.cuda}"
        return ok(subject, said) if state is State.OK else _MAKERS[state](subject, said, install)
    said = f"torch is built for CUDA {torch.cuda}, the toolkit is {release}"
    if series(torch.cuda) == series(release):
        return ok(subject, said)
    remedy = install if target.cuda.judge(release) is State.OK else cuda.export(target, facts)
    if numbers(torch.cuda)[:1] != numbers(release)[:1]:
        return problem(subject, f"{said}; torch refuses another major", remedy)
    return warning(subject, f"{said}; of the same major, so torch only warns", remedy)


def _abi(torch: Torch, target: Target, install: str) -> Line:
    if torch.cxx11abi is None:
        unreadable = f"not to be read from {torch.where}/lib/libc10.so"
        return warning("C++ ABI", unreadable, f"{install} --force-reinstall")
    here = f"cxx11abi{abi_word(torch.cxx11abi)}"
    if target.cxx11abi is None or target.cxx11abi == torch.cxx11abi:
        return ok("C++ ABI", f"{here}, by the symbols of torch's libc10.so; wheels for it are named so")
    wanted = f"cxx11abi{abi_word(target.cxx11abi)}"
    return problem("C++ ABI", f"torch is {here}, the wheel is to be {wanted}", install)


def _cudnn(target: Target, python: Python) -> Line:
    oldest, torch = target.guide.cudnn, python.torch
    if python.cudnn is None:
        brought = "comes with torch; none is here yet" if torch is None else "none is found beside torch"
        return ok("cuDNN", f"{brought}; the guide asks for {oldest} or newer, {_NO_CUDNN}")
    if numbers(python.cudnn) >= numbers(oldest):
        return ok("cuDNN", f"{python.cudnn}; the guide asks for {oldest} or newer")
    pinned = f" (torch {torch.release} pins what it brings)" if torch and torch.release else ""
    said = f"{python.cudnn} is older than the guide's {oldest}{pinned}; {_NO_CUDNN}"
    return warning("cuDNN", said, "Leave it for flash-attn; if other code of yours needs it, take a newer torch.")


def _tools(target: Target, python: Python, facts: Facts, matrix: Matrix) -> Iterator[Line]:
    lacking = [name for name in target.guide.tools if not _has(name, python, facts)]
    if lacking:
        said = f"{python.path} lacks {', '.join(lacking)}"
        yield problem("build tools", said, f"Type: {target.guide.install_tools}")
    else:
        there = ", ".join(f"{name} {python.packages.get(name, 'on PATH')}" for name in target.guide.tools)
        yield ok("build tools", there)
    yield from _setuptools(python, matrix)


def _has(name: str, python: Python, facts: Facts) -> bool:
    """Whether ``name`` is installed in ``python`` or does as a program: ninja by itself, uv in the place of pip."""
    program = facts.programs.get("uv" if name == _PIP else name)
    return name in python.packages or isinstance(program, str)


def _setuptools(python: Python, matrix: Matrix) -> Iterator[Line]:
    """Hold setuptools to what the torch that is installed says it works with."""
    installed, torch = python.packages.get("setuptools"), python.torch
    row = matrix.torch.get(series(torch.release)) if torch and torch.release else None
    if installed is None or row is None:
        return
    try:
        fits = Version(installed) in SpecifierSet(row.setuptools)
    except InvalidVersion:
        fits = False
    if not fits:
        said = f"{installed}; torch {row.series} works with {row.setuptools}"
        yield warning("setuptools", said, f"Type: pip install 'setuptools{row.setuptools}'")
