"""Why a wheel does not run here: which axis of its cell does not fit this machine, and which cell would.

Told by the facts of both before anything is run, and by what the loader, CUDA and pip say when it fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from factory.errors import CellError, SelectorError
from factory.gpu_test.coverage import runs
from factory.matrix import selector
from factory.matrix.arch import Arch
from factory.matrix.cells import expand
from factory.matrix.model import FULL, Cell, Matrix
from factory.matrix.wheelname import WheelName
from factory.versions import abi_word, cuda_major, cuda_token, python_tag, version_key
from factory.wheel.cxxabi import cxx11abi
from factory.wheel.facts import CHECK_FUNCTION
from factory.wheel.fatbin import GpuCode


@dataclass(frozen=True, kw_only=True)
class Here:
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
    def tokens(self) -> str | None:
        """The cell this machine is: ``cu130 torch2.11 cp312``; None where its torch has no CUDA."""
        if self.cuda is None or self.series is None:
            return None
        return _tokens(self.cuda, self.series, self.python)


@dataclass(frozen=True, kw_only=True)
class WheelHere:
    """A wheel, by its name and its GPU code, and the machine it is to run on.

    ``classes`` maps the name under which torch exports its CUDA check to the kernel class it belongs to.
    """

    name: WheelName
    images: frozenset[GpuCode]
    here: Here
    matrix: Matrix
    classes: Mapping[str, str]


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
        return (_worded(pair, "CUDA", f"torch {here.torch} here is built without CUDA", tokens=None),)
    unlike = [
        _worded(pair, axis, f"the wheel is for {wheels}, here is {ours}")
        for axis, wheels, ours in axes
        if ours is not None and wheels != ours
    ]
    return (*unlike, *_old_driver(pair), *_other_gpu(pair))


def by_text(pair: WheelHere, text: str) -> tuple[Incompatibility, ...]:
    """Return what was printed when the wheel failed, explained; nothing where no cause is known."""
    found = {
        incompatibility: None
        for pattern, explain in _SIGNS
        for match in pattern.finditer(text)
        for incompatibility in explain(pair, match)
    }
    return tuple(found)


def _worded(pair: WheelHere, axis: str, message: str, *, tokens: str | None = "", options: str = "") -> Incompatibility:
    """Word an incompatibility whose remedy is a wheel for this machine, or for ``tokens`` where given."""
    fitting = pair.here.tokens if tokens == "" else tokens
    if fitting is None:
        remedy = "install a torch built with CUDA, then test again"
        return Incompatibility(axis=axis, message=message, tokens=None, remedy=remedy)
    return Incompatibility(axis=axis, message=message, tokens=fitting, remedy=_command(pair, fitting, options))


def _command(pair: WheelHere, tokens: str, options: str) -> str:
    try:
        rows = selector.select(expand(pair.matrix), selector.parse(tokens.split(), pair.matrix))
    except (SelectorError, CellError) as error:
        return f"matrix.yaml has no such cell: {'; '.join(error.why) or error.what}"
    version = "" if any(row.cell.flash_attn == pair.name.version for row in rows) else f" fa{pair.name.version}"
    profile = "" if pair.name.profile == FULL else f" --profile {pair.name.profile}"
    return f"build it with: nox -s build -- {tokens}{version}{profile}{options}"


def _tokens(cuda: str, series: str, python: str) -> str:
    return f"{cuda_token(cuda)} torch{series} {python_tag(python)}"


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
    older = _older_cuda(pair)
    message = f"{why}; here is {pair.here.driver or 'an older one'}"
    if older is None:
        return Incompatibility(axis="driver", message=message, tokens=None, remedy="install a newer NVIDIA driver")
    tokens = _tokens(older.cuda, older.torch, older.python)
    incompatibility = _worded(pair, "driver", message, tokens=tokens)
    remedy = f"install a newer NVIDIA driver, or a torch for CUDA {older.cuda} and {incompatibility.remedy}"
    return Incompatibility(axis="driver", message=message, tokens=tokens, remedy=remedy)


def _older_cuda(pair: WheelHere) -> Cell | None:
    branch = (pair.here.driver or "").split(".")[0]
    fitting = [
        row.cell
        for row in expand(pair.matrix)
        if (row.cell.torch, row.cell.python) == (pair.name.torch, pair.name.python)
        and branch.isdigit()
        and pair.matrix.toolkits[row.cell.cuda].minimum_driver <= int(branch)
        and pair.matrix.toolkits[row.cell.cuda].major < pair.name.cuda_major
    ]
    return max(fitting, key=lambda cell: version_key(cell.cuda), default=None)


def _symbol(pair: WheelHere, match: re.Match[str]) -> Iterator[Incompatibility]:
    symbol = match["symbol"]
    if CHECK_FUNCTION in symbol:
        yield _torch_class(pair, symbol)
        return
    spoken = cxx11abi([symbol])
    if spoken and pair.here.cxx11abi is not None and spoken != {pair.here.cxx11abi}:
        (wheels,) = spoken
        message = (
            f"the wheel asks torch for {symbol}, which is cxx11abi{abi_word(wheels)}; this torch is {pair.here.abi}"
        )
        yield _worded(pair, "C++ ABI", message)
    elif symbol.lstrip("_").startswith("Py"):
        yield _worded(pair, "Python", f"CPython {pair.here.python} has no {symbol}")
    elif symbol.startswith(("cuda", "__cuda")):
        yield _worded(pair, "CUDA", f"the CUDA runtime of torch {pair.here.torch} has no {symbol}")
    else:
        yield _worded(pair, "torch", f"torch {pair.here.torch} has no {symbol}")


def _torch_class(pair: WheelHere, symbol: str) -> Incompatibility:
    """Word what a name of torch's CUDA check says: the torch releases the kernels were compiled for."""
    kernel_class = pair.classes.get(symbol)
    series = [name for name, torch in pair.matrix.torch.items() if torch.kernel_class == kernel_class]
    made_for = f"torch {series[0]} to {series[-1]}" if series else "another torch"
    message = f"its kernels are for {made_for} (they call {symbol}); here is torch {pair.here.torch}"
    return _worded(pair, "torch", message)


def _glibc(pair: WheelHere, match: re.Match[str]) -> Iterator[Incompatibility]:
    library = "glibc" if match["family"] == "GLIBC" else "libstdc++"
    ours = f", here is glibc {pair.here.glibc}" if library == "glibc" and pair.here.glibc else ""
    message = f"the wheel needs {match['family']}_{match['version']}{ours}; it was built on a newer Linux"
    yield _worded(pair, library, message, options=" --backend container")


def _cudart(pair: WheelHere, match: re.Match[str]) -> Iterator[Incompatibility]:
    message = f"the wheel needs the runtime of CUDA {match['major']}; torch here brings that of CUDA {pair.here.cuda}"
    yield _worded(pair, "CUDA", message)


def _no_image(pair: WheelHere, _: re.Match[str]) -> Iterator[Incompatibility]:
    yield _no_kernel(pair)


def _no_kernel(pair: WheelHere) -> Incompatibility:
    has = " ".join(map(str, sorted(pair.images))) or "no GPU code at all"
    gpu = f"{pair.here.gpu or 'this GPU'} is {pair.here.capability or 'something else'}"
    options = f" --archs {pair.here.capability}" if pair.here.capability else ""
    return _worded(pair, "architectures", f"the wheel has {has}; {gpu}", options=options)


def _driver_said(pair: WheelHere, match: re.Match[str]) -> Iterator[Incompatibility]:
    yield from list(_old_driver(pair)) or [_driver(pair, f"it says: {match[0]}")]


def _no_module(pair: WheelHere, _: re.Match[str]) -> Iterator[Incompatibility]:
    if pair.name.python == pair.here.python:
        yield _worded(pair, "Python", f"its extension module is not for {pair.name.python}, whatever its name says")
    else:
        yield _worded(pair, "Python", f"the wheel is for {pair.name.python}, here is {pair.here.python}")


_Explain = Callable[[WheelHere, re.Match[str]], Iterator[Incompatibility]]
_SIGNS: tuple[tuple[re.Pattern[str], _Explain], ...] = (
    (re.compile(r"undefined symbol: (?P<symbol>[A-Za-z_]\w*)"), _symbol),
    (re.compile(r"version `(?P<family>GLIBC|GLIBCXX|CXXABI)_(?P<version>[\d.]+)' not found"), _glibc),
    (re.compile(r"libcudart\.so\.(?P<major>\d+)(?:\.\d+)*: cannot open shared object file"), _cudart),
    (re.compile(r"no kernel image is available"), _no_image),
    (
        re.compile(
            r"CUDA driver version is insufficient for CUDA runtime version"
            r"|The NVIDIA driver on your system is too old"
            r"|PTX was compiled with an unsupported toolchain"
        ),
        _driver_said,
    ),
    (re.compile(r"No module named ['\"]flash_attn_2_cuda['\"]|is not a supported wheel on this platform"), _no_module),
)
