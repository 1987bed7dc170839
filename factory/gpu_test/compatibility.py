"""Why a wheel does not run here: which axis of its cell does not fit this machine, and which cell would.

Told by the facts of both before anything is run, and by what the loader, CUDA and pip say when it fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from factory.diagnose.reading import Found, read
from factory.diagnose.rules import Rules
from factory.errors import CellError, SelectorError
from factory.gpu_test.coverage import runs
from factory.matrix import selector, wheelname
from factory.matrix.advice import Advice, Facts, advise
from factory.matrix.arch import Arch
from factory.matrix.cells import expand
from factory.matrix.checksymbol import spans
from factory.matrix.model import FULL, Matrix, Planned
from factory.matrix.wheelname import WheelName
from factory.versions import abi_word, cuda_major
from factory.wheel.cxxabi import cxx11abi
from factory.wheel.facts import MODULE
from factory.wheel.fatbin import GpuCode
from factory.wheel.torchabi import CHECK_FUNCTION

_ARCHS = " --archs "
_ANOTHER_S = "foreign"  # the cause that is another package's failure


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """This machine; None where it could not be told. ``python`` ``3.12``, ``torch`` ``2.11.0+cu130``, ``cuda`` torch's.

    ``glibc`` ``2.36``, ``capability`` ``9.0``, ``driver`` ``580.95.05``.
    """

    python: str
    torch: str | None
    cuda: str | None
    cxx11abi: bool | None
    glibc: str | None
    gpu: str | None
    capability: str | None
    driver: str | None

    @property
    def series(self) -> str | None:
        """``2.11`` of torch ``2.11.0+cu130``."""
        return None if self.torch is None else ".".join(self.torch.split(".")[:2])

    @property
    def abi(self) -> str | None:
        """``cxx11abiTRUE``."""
        return None if self.cxx11abi is None else f"cxx11abi{abi_word(self.cxx11abi)}"

    @property
    def facts(self) -> Facts:
        """What advice goes by."""
        return Facts(
            torch=self.torch,
            cuda=self.cuda,
            python=self.python,
            cxx11abi=self.cxx11abi,
            gpus=(self.capability,) if self.capability else (),
            driver=self.driver,
        )


@dataclass(frozen=True, kw_only=True)
class WheelHere:
    """A wheel, by its name and its GPU code, and the machine it is to run on."""

    name: WheelName
    images: frozenset[GpuCode]
    here: Runtime
    matrix: Matrix


@dataclass(frozen=True, kw_only=True)
class Incompatibility:
    """One ``axis`` that does not fit, what is wrong with it, and what to do: the tokens that fit and the command."""

    axis: str
    message: str
    tokens: str | None
    remedy: str

    def __str__(self) -> str:
        """Return it as one line."""
        fits = f"; what fits here: {self.tokens}" if self.tokens else ""
        return f"{self.axis}: {self.message}{fits}; {self.remedy}"


def by_facts(pair: WheelHere) -> tuple[Incompatibility, ...]:
    """Return what of the wheel does not fit the machine by the facts: Python, torch, CUDA, C++ ABI, driver, GPU."""
    name, here = pair.name, pair.here
    axes = (
        ("Python", name.python, here.python),
        ("torch", name.torch, here.series),
        ("CUDA", str(name.cuda_major), None if here.cuda is None else str(cuda_major(here.cuda))),
        ("C++ ABI", f"cxx11abi{abi_word(name.cxx11abi)}", here.abi),
    )
    if here.torch is not None and here.cuda is None:
        return (_worded(pair, "CUDA", f"torch {here.torch} here is built without CUDA"),)
    unlike = [
        _worded(pair, axis, f"the wheel is for {wheels}, here is {ours}")
        for axis, wheels, ours in axes
        if ours is not None and wheels != ours
    ]
    return (*unlike, *_old_driver(pair), *_other_gpu(pair))


def by_text(pair: WheelHere, text: str, rules: Rules) -> tuple[Incompatibility, ...]:
    """Return what was printed when the wheel failed, explained; nothing where ``rules`` know no cause."""
    found = read([text.encode("utf-8", "replace")], rules).found
    if any(one.sign.cause == _ANOTHER_S for one in found):
        return ()
    known = (one for one in found if one.sign.cause in _EXPLAIN)
    return tuple(dict.fromkeys(told for one in known for told in _EXPLAIN[one.sign.cause](pair, one)))


def _worded(pair: WheelHere, axis: str, message: str, *, options: str = "") -> Incompatibility:
    """Word an incompatibility whose remedy is a wheel for this machine, with ``options`` where they are allowed."""
    cell, remedy = _remedy(pair, options)
    return Incompatibility(axis=axis, message=message, tokens=cell, remedy=remedy)


def _remedy(pair: WheelHere, options: str) -> tuple[str | None, str]:
    if pair.here.torch is None or pair.here.cuda is None:
        return None, "install a torch built with CUDA, then test again"
    said = _advice(pair)
    if said.cell is None:
        return None, f"matrix.yaml has no such cell: {said.why_not or said.words}"
    rows = _selected(pair, said.cell, options)
    if not rows:
        options, rows = said.options, _selected(pair, said.cell, said.options)
    words = f"{said.words}; " if said.words else ""
    if said.early and not options and any(wheelname.of(row.cell).local == pair.name.local for row in rows):
        release = pair.matrix.torch[pair.name.torch].release
        return None, f"{words}building it again makes the same: install torch {release}"
    profile = "" if pair.name.profile == FULL else f" --profile {pair.name.profile}"
    return said.cell, f"{words}build it with: nox -s build -- {said.cell}{profile}{options}"


def _advice(pair: WheelHere) -> Advice:
    """Return the cell for this machine, of the wheel's flash-attn where that can be."""
    facts = replace(pair.here.facts, flash_attn=pair.name.version)
    return advise(facts, pair.matrix, profile=pair.name.profile)


def _selected(pair: WheelHere, cell: str, options: str) -> Sequence[Planned]:
    """Return the cells that a build with ``options`` takes; nothing where it refuses."""
    archs = [Arch.parse(options.removeprefix(_ARCHS))] if options.startswith(_ARCHS) else None
    try:
        rows = expand(pair.matrix, pair.name.profile, archs)
        return selector.select(rows, selector.parse(cell.split(), pair.matrix))
    except (SelectorError, CellError):
        return ()


def _old_driver(pair: WheelHere) -> Iterator[Incompatibility]:
    """Hold the driver to the oldest branch that runs the wheel's CUDA."""
    needed = [row.minimum_driver for row in pair.matrix.toolkits.values() if row.major == pair.name.cuda_major]
    branch = (pair.here.driver or "").split(".")[0]
    if needed and branch.isdigit() and int(branch) < min(needed):
        yield _driver(pair, f"CUDA {pair.name.cuda_major} needs {min(needed)} or newer")


def _other_gpu(pair: WheelHere) -> Iterator[Incompatibility]:
    """Hold the wheel's GPU code to the GPU."""
    if pair.here.capability and not any(runs(image, Arch.parse(pair.here.capability)) for image in pair.images):
        yield _no_kernel(pair)


def _driver(pair: WheelHere, why: str) -> Incompatibility:
    """Word an incompatibility whose remedy is a newer driver, or the newest CUDA that the present one runs."""
    message = f"{why}; here is {pair.here.driver or 'an older one'}"
    said = _advice(pair)
    if said.cell is None or said.own:
        newer = f"install a newer NVIDIA driver{f': {said.why_not}' if said.why_not else ''}"
        return Incompatibility(axis="driver", message=message, tokens=None, remedy=newer)
    cell, remedy = _remedy(pair, "")
    return Incompatibility(axis="driver", message=message, tokens=cell, remedy=remedy)


def _unfit(pair: WheelHere, found: Found) -> Iterator[Incompatibility]:
    """Explain what the loader did not find: a module, a library or a symbol."""
    name = found.caught["symbol"]
    if name == MODULE:
        yield from _no_module(pair, found)
    elif runtime := re.match(r"libcudart\.so\.(\d+)", name):
        message = f"the wheel needs the runtime of CUDA {runtime[1]}; torch here brings that of CUDA {pair.here.cuda}"
        yield _worded(pair, "CUDA", message)
    elif name.startswith("lib"):
        yield _worded(pair, "torch", f"torch {pair.here.torch} brings no {name}")
    else:
        yield _symbol(pair, name)


def _symbol(pair: WheelHere, symbol: str) -> Incompatibility:
    if CHECK_FUNCTION in symbol:
        return _torch_series(pair, symbol)
    spoken = cxx11abi([symbol])
    if spoken and pair.here.cxx11abi is not None and spoken != {pair.here.cxx11abi}:
        (wheels,) = spoken
        message = (
            f"the wheel asks torch for {symbol}, which is cxx11abi{abi_word(wheels)}; this torch is {pair.here.abi}"
        )
        return _worded(pair, "C++ ABI", message)
    if symbol.lstrip("_").startswith("Py"):
        return _worded(pair, "Python", f"CPython {pair.here.python} has no {symbol}")
    if symbol.startswith(("cuda", "__cuda")):
        return _worded(pair, "CUDA", f"the CUDA runtime of torch {pair.here.torch} has no {symbol}")
    return _worded(pair, "torch", f"torch {pair.here.torch} has no {symbol}")


def _torch_series(pair: WheelHere, symbol: str) -> Incompatibility:
    """Word what a name of torch's CUDA check says: the torch releases the wheel was compiled for."""
    series = spans(pair.matrix.torch).get(symbol)
    made_for = f"torch {series}" if series else "another torch"
    message = f"the wheel is for {made_for} (it calls {symbol}); here is torch {pair.here.torch}"
    return _worded(pair, "torch", message)


def _glibc(pair: WheelHere, found: Found) -> Iterator[Incompatibility]:
    version = found.caught.get("version", "a newer C library")
    library = "glibc" if version.startswith("GLIBC_") else "libstdc++"
    ours = f", here is glibc {pair.here.glibc}" if library == "glibc" and pair.here.glibc else ""
    message = f"the wheel needs {version}{ours}; it was built on a newer Linux"
    yield _worded(pair, library, message, options=" --backend container")


def _no_image(pair: WheelHere, _: Found) -> Iterator[Incompatibility]:
    yield _no_kernel(pair)


def _no_kernel(pair: WheelHere) -> Incompatibility:
    has = " ".join(map(str, sorted(pair.images))) or "no GPU code at all"
    gpu = f"{pair.here.gpu or 'this GPU'} is {pair.here.capability or 'something else'}"
    options = f"{_ARCHS}{pair.here.capability}" if pair.here.capability else ""
    return _worded(pair, "architectures", f"the wheel has {has}; {gpu}", options=options)


def _driver_said(pair: WheelHere, found: Found) -> Iterator[Incompatibility]:
    yield from list(_old_driver(pair)) or [_driver(pair, f"it says: {found.evidence.text}")]


def _no_module(pair: WheelHere, _: Found) -> Iterator[Incompatibility]:
    if pair.name.python == pair.here.python:
        yield _worded(pair, "Python", f"its extension module is not for {pair.name.python}, whatever its name says")
    else:
        yield _worded(pair, "Python", f"the wheel is for {pair.name.python}, here is {pair.here.python}")


_EXPLAIN: Mapping[str, Callable[[WheelHere, Found], Iterator[Incompatibility]]] = {
    "unfit": _unfit,
    "refused": _no_module,
    "wrong_python": _no_module,
    "glibc": _glibc,
    "no_kernel": _no_image,
    "gpu_old": _no_image,
    "driver": _driver_said,
    "driver_ptx": _driver_said,
}
"""What is said of a wheel for each cause of ``factory/data/diagnoses.toml`` that one may have when it is run."""
