"""Say which flash-attn wheel of an index fits this machine, and how to install it.

Needs Python 3.9 or newer and nothing else:

    curl -O https://OWNER.github.io/REPO/flash_attn_wheel.py
    python flash_attn_wheel.py --index https://OWNER.github.io/REPO/

With tokens it answers for that environment instead: ``cu124 torch2.6 cp310``, also ``abiTRUE``,
``fa2.7.4.post1``, ``x86_64``. Exit status: 0 a wheel fits, 53 none does, 24 the index is not to be had.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Callable, Literal, TypedDict, TypeVar

_Read = TypeVar("_Read")

SCHEMA = 1
_TOKENS = "Tokens look like: cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1 x86_64"
_NO_WHEEL, _UNREACHABLE, _USAGE = 53, 24, 2
_NEAREST = 3  # wheels named where none fits


class GpuRow(TypedDict):
    """Whether the wheel passed the GPU test, and on which GPU."""

    verdict: Literal["passed", "untested"]
    name: str | None


class Row(TypedDict):
    """One wheel of ``wheels.json``. ``size`` in bytes, ``url`` absolute or relative to the index's root."""

    filename: str
    flash_attn: str
    cuda_major: int
    cuda: str | None
    torch: str
    python: str
    cxx11abi: bool
    profile: str
    platform: str
    url: str
    size: int
    sha256: str
    uploaded: str
    metadata_sha256: str | None
    requires_python: str | None
    yanked: str | None
    archs: list[str]
    floor: str | None
    gpu: GpuRow
    tag: str
    requires: list[str] | None
    bill: str | None
    attested: bool


class Repository(TypedDict):
    """What publishes the wheels: ``OWNER/NAME``, its front page, and its API."""

    name: str
    home: str
    api: str


class Prerelease(TypedDict):
    """A pattern that finds a pre-release in torch's version, and what to say of one, with ``{}`` for the version."""

    pattern: str
    said: str


class GpuRule(TypedDict):
    """GPUs of one compute capability: a pattern that finds their names, and examples for people."""

    capability: str
    examples: str
    names: str


class MadeCell(TypedDict):
    """Wheels that can be built and differ in their Python alone; ``left_out`` are the others, with the reason."""

    flash_attn: str
    torch: str
    cuda: str
    cxx11abi: bool
    machine: str
    pythons: list[str]
    left_out: dict[str, str]


class Rules(TypedDict):
    """What ``rules.json`` says beside which wheels there are, for this program, the page and ``download``.

    ``minimum_driver`` is the oldest driver branch of a CUDA major. ``targets`` are the architectures that a CUDA makes,
    none older than ``oldest_arch``. ``machines`` are those that a build means where none is named. ``cautions`` are by
    Python what is to be said of wheels for it, ``unserved`` why there is nothing for a word such as ``cu118``.
    """

    schema: int
    repository: Repository | None
    minimum_driver: dict[str, int]
    prerelease: Prerelease
    gpus: list[GpuRule]
    cells: list[MadeCell]
    cautions: dict[str, str]
    machines: list[str]
    unserved: dict[str, str]
    profiles: list[str]
    oldest_arch: str
    targets: dict[str, list[str]]


PRERELEASE = Prerelease(
    pattern=r"^\d+(\.\d+)*\.?(a|b|rc|dev)\d",
    said="torch {} is a pre-release: wheels are linked to the release, and may not load beside it",
)
"""How versions are spelt that come before a release. Source: PEP 440; NVIDIA's containers have 2.9.0a0+...nv25.10."""


@dataclass(frozen=True)
class Environment:
    """What a wheel has to fit; None where it is not known or anything will do.

    ``python`` ``3.10``, ``torch`` ``2.6``, ``cuda`` torch's, ``12.4`` or only ``12``, ``machine`` ``x86_64``,
    ``glibc`` ``2.36``, ``gpus`` their compute capabilities, ``driver`` its branch, ``550``.
    """

    python: str | None = None
    torch: str | None = None
    cuda: str | None = None
    cxx11abi: bool | None = None
    flash_attn: str | None = None
    profile: str = "full"
    machine: str | None = None
    glibc: str | None = None
    gpus: tuple[str, ...] = ()
    driver: int | None = None


@dataclass(frozen=True)
class Answer:
    """The wheel that fits; or None with ``missing``, why none does, the ``nearest`` ones, and how to ``build`` one.

    ``build`` is a selector, ``cu124 torch2.6 cp310``, with options; empty where building would not help, or with
    ``unbuildable``, why there is no such cell. With ``several``, more than one fits: ``missing`` says what to name,
    ``nearest`` are some of them.
    """

    wheel: Row | None
    missing: tuple[str, ...] = ()
    nearest: tuple[Row, ...] = ()
    build: str = ""
    unbuildable: str = ""
    several: bool = False


class UnknownTokenError(ValueError):
    """A token is of no axis, or contradicts another."""


class TroubleError(Exception):
    """What ends the program, with its exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


# --- choosing: values in, values out -------------------------------------------------------------------------


def resolve(environment: Environment, rows: Sequence[Row], rules: Rules) -> Answer:
    """Return the wheel of the newest flash-attn that fits, or why none does; withdrawn wheels never fit."""
    offered = [row for row in rows if row["yanked"] is None]
    misses = {row["filename"]: missed(row, environment, rules) for row in offered}
    fitting = _of_exact_cuda([row for row in offered if not misses[row["filename"]]], environment)
    if not fitting:
        return _none(environment, offered, misses, rules)
    open_axes = _undecided(fitting, rules)
    if open_axes:
        some = tuple(_newest_first(fitting)[:_NEAREST])
        return Answer(wheel=None, missing=open_axes, nearest=some, several=True)
    return Answer(wheel=_newest_first(fitting)[0])


def missed(row: Row, environment: Environment, rules: Rules) -> tuple[str, ...]:
    """Return the axes on which ``row`` does not fit, by name."""
    return tuple(name for name, axis in _AXES.items() if not axis.fits(row, environment, rules))


def cautions(answer: Answer, environment: Environment, rules: Rules) -> tuple[str, ...]:
    """Return what is to be said of the wheel that is chosen, or of the one that can be built."""
    python = answer.wheel["python"] if answer.wheel else answer.build and environment.python
    return (rules["cautions"][python],) if python in rules["cautions"] else ()


def parse_tokens(tokens: Iterable[str]) -> Environment:
    """Return the environment that ``cu124 torch2.6 cp310`` names.

    Raises UnknownTokenError for a token of no axis, or one that contradicts another.
    """
    found: dict[str, Any] = {}
    for token in " ".join(tokens).split():
        name, value = _token(token)
        if found.setdefault(name, value) != value:
            raise UnknownTokenError(f"{token} contradicts another token. {_TOKENS}")
    return Environment(**found)


def runs_on(code: str, capability: str) -> bool:
    """Return whether a GPU of ``capability`` (``9.0``) runs ``code``: ``sm_80``, ``sm_90a``, ``sm_100f``,
    ``compute_80``.

    Source: CUDA C++ Programming Guide, "Compute Capability and Streaming Multiprocessor Versions" and
    "Architecture-Specific Features", "Family-Specific Features".
    """
    kind, _, number = code.partition("_")
    suffix = number[-1] if number[-1] in "af" else ""
    number = number[: len(number) - len(suffix)]
    made, gpu = (int(number[:-1]), int(number[-1])), _numbers(capability)
    if suffix == "a":
        return made == gpu
    if kind == "sm" or suffix == "f":
        return made[0] == gpu[0] and made[1] <= gpu[1]
    return made <= gpu


def lines(row: Row) -> dict[str, str]:
    """Return the exact lines that install ``row``, whose ``url`` is absolute, each checking its hash; by tool."""
    pinned = f"{row['url']}#sha256={row['sha256']}"
    return {
        "pip": f"pip install '{pinned}'",
        "uv": f"uv pip install '{pinned}'",
        "wget": f"wget '{row['url']}' && echo '{row['sha256']}  {row['filename']}' | sha256sum -c",
        "requirements": f"flash-attn @ {row['url']} --hash=sha256:{row['sha256']}",
    }


def install_lines(row: Row, base: str, repository: Repository | None) -> dict[str, str]:
    """Return every way to install ``row`` and to check it, by name; ``base`` is the root of its index."""
    every = lines(row)
    cuda = row["cuda"] or str(row["cuda_major"])
    path = index_path(cuda, row["torch"], row["cxx11abi"], row["profile"])
    asked = f"'flash-attn=={row['flash_attn']}' --only-binary flash-attn"
    made = {
        "pip": every["pip"],
        "uv": every["uv"],
        "pip_index": f"pip install {asked} --extra-index-url {base}{path}/",
        "uv_project": uv_project(row, base),
        "requirements": every["requirements"],
        "wget": every["wget"],
        "client": f"curl -fsSO {base}flash_attn_wheel.py && python flash_attn_wheel.py --index {base}",
    }
    if repository and row.get("attested"):
        made["attestation"] = f"gh attestation verify '{row['filename']}' --repo {repository['name']}"
    return made


def uv_project(row: Row, base: str) -> str:
    """Return what makes uv take ``row`` for a project: its index, at ``base``, for this package alone.

    An address would not do, for uv takes none with a hash there; from an index it keeps the hash in its lock.
    """
    cuda = row["cuda"] or str(row["cuda_major"])
    path = index_path(cuda, row["torch"], row["cxx11abi"], row["profile"])
    return (
        f'# dependencies = ["flash-attn=={row["flash_attn"]}"]\n'
        f'[[tool.uv.index]]\nname = "flash-attn"\nurl = "{base}{path}/"\nexplicit = true\n\n'
        '[tool.uv.sources]\nflash-attn = { index = "flash-attn" }'
    )


def index_path(cuda: str, torch: str, cxx11abi: bool, profile: str) -> str:  # noqa: FBT001 - one axis of four
    """Return where an index lies below the root: ``cu124/torch2.6/cxx11abiFALSE``, ``.smoke`` behind it."""
    return f"cu{cuda.replace('.', '')}/torch{torch}/{_abi(cxx11abi)}{_of_profile(profile)}"


def cuda_index_path(cuda: str, profile: str) -> str:
    """Return where the index for every torch of ``cuda`` lies below the root: ``cu124``, ``.smoke`` behind it."""
    return f"cu{cuda.replace('.', '')}{_of_profile(profile)}"


def _of_profile(profile: str) -> str:
    return "" if profile == "full" else f".{profile}"


def describe(row: Row) -> str:
    """Return size, GPU code, floor, GPU verdict and date in one line."""
    return ", ".join(
        [
            f"{row['size'] / 1e6:.1f} MB",
            " ".join(row["archs"]) or "no GPU code",
            f"glibc {row['floor'][10:].replace('_', '.')} or newer" if row["floor"] else "glibc not checked",
            f"tested on {row['gpu']['name'] or 'a GPU'}" if row["gpu"]["verdict"] == "passed" else "not GPU-tested",
            row["uploaded"][:10],
        ]
    )


@dataclass(frozen=True)
class _Axis:
    fits: Callable[[Row, Environment, Rules], bool]
    theirs: Callable[[Row, Rules], str]
    yours: Callable[[Environment], str]


def _floor(row: Row) -> str:
    return row["floor"][len("manylinux_") :].replace("_", ".") if row["floor"] else "0"


def _abi(value: bool | None) -> str:  # noqa: FBT001 - the value itself is what is spelt
    return "" if value is None else f"cxx11abi{str(value).upper()}"


def _driver(row: Row, rules: Rules) -> int:
    return rules["minimum_driver"].get(str(row["cuda_major"]), 0)


_AXES: dict[str, _Axis] = {
    "platform": _Axis(
        lambda row, env, _: env.machine is None or row["platform"].endswith(f"_{env.machine}"),
        lambda row, _: row["platform"],
        lambda env: env.machine or "",
    ),
    "Python": _Axis(
        lambda row, env, _: env.python in {None, row["python"]},
        lambda row, _: row["python"],
        lambda env: env.python or "",
    ),
    "torch": _Axis(
        lambda row, env, _: env.torch in {None, row["torch"]}, lambda row, _: row["torch"], lambda env: env.torch or ""
    ),
    "CUDA": _Axis(
        lambda row, env, _: env.cuda is None or _numbers(env.cuda)[0] == row["cuda_major"],
        lambda row, _: str(row["cuda_major"]),
        lambda env: env.cuda or "",
    ),
    "C++ ABI": _Axis(
        lambda row, env, _: env.cxx11abi in {None, row["cxx11abi"]},
        lambda row, _: _abi(row["cxx11abi"]),
        lambda env: _abi(env.cxx11abi),
    ),
    "flash-attn": _Axis(
        lambda row, env, _: env.flash_attn in {None, row["flash_attn"]},
        lambda row, _: row["flash_attn"],
        lambda env: env.flash_attn or "",
    ),
    "profile": _Axis(
        lambda row, env, _: env.profile == row["profile"], lambda row, _: row["profile"], lambda env: env.profile
    ),
    "glibc": _Axis(
        lambda row, env, _: env.glibc is None or _numbers(_floor(row)) <= _numbers(env.glibc),
        lambda row, _: f"{_floor(row)} or newer",
        lambda env: env.glibc or "",
    ),
    "GPU": _Axis(
        lambda row, env, _: not env.gpus or any(runs_on(code, gpu) for code in row["archs"] for gpu in env.gpus),
        lambda row, _: " ".join(row["archs"]),
        lambda env: " ".join(env.gpus),
    ),
    "driver": _Axis(
        lambda row, env, rules: env.driver is None or env.driver >= _driver(row, rules),
        lambda row, rules: f"{_driver(row, rules)} or newer for CUDA {row['cuda_major']}",
        lambda env: str(env.driver or ""),
    ),
}
_OF_NAMES = {"Python": "cp{}", "torch": "torch{}", "CUDA": "cu{}", "C++ ABI": "{}"}
_UNBUILDABLE = {"driver"}
_CELL_AXES: dict[str, tuple[Callable[[Environment], object], Callable[[MadeCell], object]]] = {
    "torch": (lambda env: env.torch, lambda cell: cell["torch"]),
    "CUDA": (lambda env: env.cuda, lambda cell: cell["cuda"]),
    "C++ ABI": (lambda env: env.cxx11abi, lambda cell: cell["cxx11abi"]),
    "flash-attn": (lambda env: env.flash_attn, lambda cell: cell["flash_attn"]),
    "machine": (lambda env: env.machine, lambda cell: cell["machine"]),
}


def _of_exact_cuda(fitting: list[Row], environment: Environment) -> list[Row]:
    """Where the ABI is open, keep that of the wheels made with this very CUDA: it is what torch has there."""
    abis = {row["cxx11abi"] for row in fitting if row["cuda"] == environment.cuda is not None}
    return [row for row in fitting if not abis or row["cxx11abi"] in abis]


def _undecided(fitting: Sequence[Row], rules: Rules) -> tuple[str, ...]:
    """Return for each axis that is still open what it could be."""
    found = []
    for name, form in _OF_NAMES.items():
        values = sorted({_AXES[name].theirs(row, rules) for row in fitting}, key=_natural)
        if len(values) > 1:
            words = (form.format(value).replace("cxx11abi", "abi") for value in values)
            found.append(f"{name}: name one of {' '.join(_joined(word) for word in words)}")
    return tuple(found)


def _joined(token: str) -> str:
    return token.replace(".", "") if token.startswith("cp") else token


def _none(environment: Environment, rows: Sequence[Row], misses: Mapping[str, tuple[str, ...]], rules: Rules) -> Answer:
    if not rows:
        build, why = _build(environment, (), rules)
        return Answer(wheel=None, missing=("the index has no wheels",), build=build, unbuildable=why)
    fewest = min(len(missing) for missing in misses.values())
    close = [row for row in rows if len(misses[row["filename"]]) == fewest]
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in close:
        groups.setdefault(misses[row["filename"]], []).append(row)
    close.sort(key=lambda row: (_distance(row, environment), row["filename"]))
    helps = not any(_UNBUILDABLE & set(axes) for axes in groups)
    build, why = _build(environment, {axis for axes in groups for axis in axes}, rules) if helps else ("", "")
    return Answer(
        wheel=None,
        missing=tuple(_explain(axes, group, environment, rules) for axes, group in groups.items()),
        nearest=tuple(close[:_NEAREST]),
        build=build,
        unbuildable=why,
    )


def _explain(axes: Sequence[str], rows: Sequence[Row], environment: Environment, rules: Rules) -> str:
    """Return of the axes that miss together what is wanted and what there is."""
    return "; and ".join(
        f"{name} {_AXES[name].yours(environment)} has no wheel here, there is "
        + ", ".join(sorted({_AXES[name].theirs(row, rules) for row in rows}, key=_natural))
        for name in axes
    )


def unbuildable(environment: Environment, rules: Rules) -> str:
    """Return why no wheel for ``environment`` can be built, as far as it is known; empty where one can."""
    if environment.profile not in rules["profiles"]:
        return _clash("profile", environment.profile, rules["profiles"], ())
    cells = rules["cells"]
    known: list[str] = []
    for name, (yours, theirs) in _CELL_AXES.items():
        value = yours(environment)
        fitting = [cell for cell in cells if value in (None, theirs(cell))]
        if not fitting:
            if name == "CUDA" and (why := rules["unserved"].get(f"cu{_spelt(value).replace('.', '')}")):
                return why
            return _clash(name, _spelt(value), {_spelt(theirs(cell)) for cell in cells}, known)
        known += [] if value is None else [f"{name} {_spelt(value)}"]
        cells = fitting
    return _no_python(environment.python, cells, known)


def _no_python(python: str | None, cells: Sequence[MadeCell], known: Sequence[str]) -> str:
    if any(cell["pythons"] and python in (None, *cell["pythons"]) for cell in cells):
        return ""
    reasons = [why for cell in cells for left, why in cell["left_out"].items() if python in (None, left)]
    there = {one for cell in cells for one in cell["pythons"]}
    return reasons[0] if reasons else _clash("Python", python or "", there, known)


def _clash(name: str, value: str, there: Iterable[str], known: Sequence[str]) -> str:
    subject = f"{', '.join(known)} goes with" if known else "there is"
    return f"{subject} {name} {', '.join(sorted(there, key=_natural))}; not {value}"


def _spelt(value: object) -> str:
    return _abi(value) if isinstance(value, bool) else str(value)


def _no_kernels(gpus: Sequence[str], cuda: str, rules: Rules) -> str:
    """Return why ``cuda`` makes no kernels for some of ``gpus``; empty where it does for all."""
    old = [gpu for gpu in gpus if _numbers(gpu) < _numbers(rules["oldest_arch"])]
    if old:
        return f"flash-attn has no kernels for {', '.join(old)}; {rules['oldest_arch']} is the oldest it supports"
    targets = rules["targets"][cuda]
    foreign = [gpu for gpu in gpus if gpu not in targets]
    return f"CUDA {cuda} cannot make {', '.join(foreign)}; it makes {', '.join(targets)}" if foreign else ""


def _made_for(gpu: str, cuda: str, rules: Rules) -> bool:
    """Whether anything that ``cuda`` makes runs on ``gpu``."""
    return any(runs_on(f"sm_{target.replace('.', '')}", gpu) for target in rules["targets"].get(cuda, ()))


def _toolkit(environment: Environment, rules: Rules) -> str:
    """Return the CUDA to build with: torch's own, or the newest of its major, which runs beside it as well."""
    cuda = environment.cuda or ""
    there = [
        cell
        for cell in rules["cells"]
        if cell["torch"] == environment.torch
        and environment.cxx11abi in (None, cell["cxx11abi"])
        and environment.machine in (None, cell["machine"])
        and _numbers(cell["cuda"])[:1] == _numbers(cuda)[:1]
    ]
    others = sorted({cell["cuda"] for cell in there}, key=_numbers)
    settled = len({cell["cxx11abi"] for cell in there}) == 1
    return others[-1] if settled and cuda not in others else cuda


def _build(environment: Environment, axes: Collection[str], rules: Rules) -> tuple[str, str]:
    """Return the selector of a cell that would fit, or why there is none; neither before CUDA, torch and Python are
    known.
    """
    torch, python = environment.torch, environment.python
    if not (environment.cuda and "." in environment.cuda and torch and python):
        return "", ""
    cuda = _toolkit(environment, rules)
    why = unbuildable(replace(environment, cuda=cuda), rules)
    gpus = environment.gpus if "GPU" in axes else [gpu for gpu in environment.gpus if not _made_for(gpu, cuda, rules)]
    why = why or _no_kernels(gpus, cuda, rules)
    if why:
        return "", why
    words = [f"cu{cuda.replace('.', '')}", f"torch{torch}", f"cp{python.replace('.', '')}"]
    words += [f"abi{str(environment.cxx11abi).upper()}"] if environment.cxx11abi is not None else []
    words += [f"fa{environment.flash_attn}"] if environment.flash_attn else []
    words += [environment.machine] if environment.machine and [environment.machine] != rules["machines"] else []
    words += ["--profile", environment.profile] if environment.profile != "full" else []
    words += ["--archs", ",".join(environment.gpus)] if "GPU" in axes else []
    words += ["--backend", "host"] if "glibc" in axes else []  # a container's glibc is what missed
    return " ".join(words), ""


def _distance(row: Row, environment: Environment) -> list[int]:
    """Measure how far a wheel's Python and torch are from those wanted."""
    pairs = ((row["torch"], environment.torch), (row["python"], environment.python))
    return [abs(_rank(theirs) - _rank(wanted)) if wanted else 0 for theirs, wanted in pairs]


def _rank(version: str) -> int:
    major, minor = _numbers(version)[:2]
    return major * 1000 + minor


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _natural(text: str) -> tuple[tuple[int, ...], str]:
    return _numbers(text), text


def _newest_first(rows: Iterable[Row]) -> list[Row]:
    """Sort by flash-attn version: ``2.7.4`` below ``2.7.4.post1``, ``2.8.0rc1`` below ``2.8.0``."""
    return sorted(rows, key=lambda row: (_version(row["flash_attn"]), row["filename"]), reverse=True)


def _version(text: str) -> tuple[tuple[int, ...], int, int]:
    match = re.fullmatch(r"(\d+(?:\.\d+)*)(?:(?:a|b|rc)(\d+))?(?:\.post(\d+))?.*", text)
    release, before, after = match.groups() if match else ("0", None, None)
    return _numbers(release), 0 if before else 1, int(after) + 1 if after else 0


def _token(token: str) -> tuple[str, Any]:
    for pattern, name, value in _TOKEN_FORMS:
        match = re.fullmatch(pattern, token, re.IGNORECASE | re.ASCII)
        if match:
            return name, value(match)
    raise UnknownTokenError(f"{token} is no token. {_TOKENS}")


_TOKEN_FORMS: tuple[tuple[str, str, Callable[[re.Match[str]], Any]], ...] = (
    (r"cu(\d\d)(\d?)", "cuda", lambda match: f"{match[1]}.{match[2]}".rstrip(".")),
    (r"torch(\d+\.\d+)(?:\.\d+)*", "torch", lambda match: match[1]),
    (r"cp(\d)(\d+t?)", "python", lambda match: f"{match[1]}.{match[2]}"),
    (r"(?:cxx11)?abi(true|false)", "cxx11abi", lambda match: match[1].lower() == "true"),
    (r"fa(\d.*)", "flash_attn", lambda match: match[1]),
    (r"x86_64|aarch64", "machine", lambda match: match[0].lower()),
)


# --- this machine --------------------------------------------------------------------------------------------

PROBE = r"""
import json, os, platform, sys, sysconfig
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
found = {"python": "%d.%d" % sys.version_info[:2] + free, "machine": platform.machine(), "system": platform.system()}
try:
    found["glibc"] = os.confstr("CS_GNU_LIBC_VERSION")
except (AttributeError, OSError, ValueError):
    pass
try:
    import torch
    found.update(torch=str(torch.__version__), cuda=torch.version.cuda, cxx11abi=torch.compiled_with_cxx11_abi())
except Exception as error:
    found["trouble"] = "%s: %s" % (type(error).__name__, error)
print("\n" + json.dumps(found))
"""
"""A program for the interpreter in question; its last line is what ``probed`` reads."""

_ANSWERED = ("python", "machine", "system")

SMI = ("nvidia-smi", "--query-gpu=compute_cap,driver_version", "--format=csv,noheader")
"""Asks the driver for its version and each GPU's compute capability; ``smi`` reads the answer."""


@dataclass(frozen=True)
class Probed:
    """What an interpreter said. ``trouble``: why no wheel can be chosen for it, empty where one can.

    ``torch_version`` is torch's whole version, ``2.6.0+cu124``; ``caution`` what to say of one that is no release.
    """

    environment: Environment
    torch_version: str
    trouble: str
    caution: str = ""


def probed(output: str) -> Probed:
    """Return what PROBE printed. Raises ValueError where its last line is not that."""
    found = json.loads((output.splitlines() or [""])[-1])
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in _ANSWERED):
        raise ValueError(f"its last line lacks one of {', '.join(_ANSWERED)}")
    version = str(found.get("torch") or "")
    glibc = re.fullmatch(r"glibc (\d+\.\d+).*", str(found.get("glibc")))
    series = re.match(r"\d+\.\d+", version)
    environment = Environment(
        python=found["python"],
        machine=found["machine"],
        torch=series[0] if series else None,
        cuda=found.get("cuda"),
        cxx11abi=found.get("cxx11abi"),
        glibc=glibc[1] if glibc else None,
    )
    early = re.match(PRERELEASE["pattern"], version)
    return Probed(environment, version, _trouble(found, version), PRERELEASE["said"].format(version) if early else "")


def _trouble(found: Mapping[str, Any], version: str) -> str:
    if found["system"] != "Linux":
        return f"flash-attn wheels are for Linux; this is {found['system']}"
    if found.get("trouble"):
        return f"torch cannot be imported ({found['trouble']}); install it first, or name the cell"
    if not found.get("cuda"):
        return f"torch {version} is built without CUDA; install one with it, or name the cell"
    return ""


def smi(output: str) -> tuple[tuple[str, ...], int | None]:
    """Return the GPUs' compute capabilities and the driver branch from the answer to SMI; nothing where it is none."""
    rows = [re.fullmatch(r"(\d+\.\d+),\s*(\d+)(?:\.\d+)*", line.strip()) for line in output.splitlines()]
    found = [row for row in rows if row]
    return tuple(dict.fromkeys(row[1] for row in found)), int(found[0][2]) if found else None


def wanted(tokens: Sequence[str], here: Environment) -> Environment:
    """Return what was named, and all of ``here`` with it where no token says anything of that.

    A flash-attn version alone does not name another environment. Raises UnknownTokenError.
    """
    named = parse_tokens(tokens)
    if named == Environment(flash_attn=named.flash_attn):
        return replace(here, flash_attn=named.flash_attn)
    return named


def _here(python: str) -> Probed:
    answer = _ran([python, "-c", PROBE])
    try:
        found = probed(answer)
    except ValueError as error:
        raise TroubleError(f"{python} did not answer what it is: {error}", _USAGE) from error
    gpus, driver = smi(_ran(SMI))
    return replace(found, environment=replace(found.environment, gpus=gpus, driver=driver))


def _ran(argv: Sequence[str]) -> str:
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout


# --- the program ---------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Answer one question; return the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return _answer(arguments)
    except UnknownTokenError as error:
        trouble = TroubleError(str(error), _USAGE)
    except TroubleError as error:
        trouble = error
    sys.stderr.write(f"error: {trouble}\n")
    return trouble.status


def rows_of(text: str | bytes) -> list[Row]:
    """Return the wheels of ``wheels.json``. Raises ValueError for another schema, or anything that is no such list."""
    rows = _document(text).get("wheels")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.keys() >= _NEEDED for row in rows):
        raise ValueError("it has no wheels, or one that lacks something")
    return rows


def rules_of(text: str | bytes) -> Rules:
    """Return what ``rules.json`` says. Raises ValueError for another schema, or anything that is no such table."""
    found: Any = _document(text)
    if not found.keys() >= Rules.__annotations__.keys():
        raise ValueError("it lacks one of the rules")
    rules: Rules = found
    return rules


def _document(text: str | bytes) -> dict[str, Any]:
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"it is not of schema {SCHEMA}; fetch this program anew from the index")
    return document


_NEEDED = Row.__annotations__.keys() - {"tag", "metadata_sha256", "requires_python", "bill", "attested"}  # others' own


def _answer(arguments: argparse.Namespace) -> int:
    named = parse_tokens(arguments.tokens)
    environment = named
    if named == Environment(flash_attn=named.flash_attn):
        here = _here(arguments.python)
        if here.trouble:
            raise TroubleError(f"{here.trouble}. {_TOKENS}", _NO_WHEEL)
        sys.stderr.write(f"caution: {here.caution}\n" if here.caution else "")
        environment = wanted(arguments.tokens, here.environment)
    environment = replace(environment, profile=arguments.profile)
    base = _base(arguments.index)
    rows, rules = _fetch(base, "wheels.json", rows_of), _fetch(base, "rules.json", rules_of)
    answer = resolve(environment, [_absolute(row, base) for row in rows], rules)
    sys.stderr.write("".join(f"caution: {said}\n" for said in cautions(answer, environment, rules)))
    install = install_lines(answer.wheel, base, rules["repository"]) if answer.wheel else {}
    sys.stdout.write(_worded(answer, environment, arguments.form, install))
    if answer.wheel is None and arguments.form != "json":
        sys.stderr.write(_refusal(answer))
    return 0 if answer.wheel else _NO_WHEEL


def _base(index: str) -> str:
    """Return the address of the index's root, which ends in a slash; a path becomes a file address."""
    if "://" not in index:
        index = Path(index).absolute().as_uri()
    return index if index.endswith("/") else f"{index}/"


def _fetch(base: str, name: str, read: Callable[[bytes], _Read]) -> _Read:
    address = urllib.parse.urljoin(base, name)
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - file addresses are mirrors
            return read(answer.read())
    except (OSError, ValueError) as error:
        raise TroubleError(f"{address} cannot be read: {error}", _UNREACHABLE) from error


def _absolute(row: Row, base: str) -> Row:
    whole = row.copy()
    whole["url"] = urllib.parse.urljoin(base, row["url"])
    return whole


def _worded(answer: Answer, environment: Environment, form: str, install: Mapping[str, str]) -> str:
    if form == "json":
        told = {"schema": SCHEMA, "environment": asdict(environment), **asdict(answer), "install": install or None}
        return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    if answer.wheel is None:
        return ""
    if form == "text":
        return "\n".join(
            [answer.wheel["filename"], describe(answer.wheel), install["pip"], install["uv"], install["wget"], ""]
        )
    return (answer.wheel["url"] if form == "url" else install[form]) + "\n"


def _refusal(answer: Answer) -> str:
    told = ["error: several wheels fit" if answer.several else "error: no wheel fits"]
    told += [f"  {line}" for line in answer.missing]
    told += (
        ["some of them:" if answer.several else "nearest:", *(f"  {row['filename']}" for row in answer.nearest)]
        if answer.nearest
        else []
    )
    told += [f"build one, in a clone of the factory: nox -s build -- {answer.build}"] if answer.build else []
    told += [f"none can be built: {answer.unbuildable}"] if answer.unbuildable else []
    return "\n".join(told) + "\n"


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], epilog=_TOKENS)
    made.add_argument("tokens", nargs="*", metavar="TOKEN", help="an environment (default: this machine's)")
    made.add_argument("--index", required=True, help="address or directory of the index's root")
    made.add_argument("--python", default=sys.executable, help="interpreter to look at (default: the one that runs)")
    made.add_argument("--profile", default="full", help="the profile of the wheel (default: full)")
    forms = made.add_mutually_exclusive_group()
    for option, form, about in (
        ("--json", "json", "print everything, for programs"),
        ("--url-only", "url", "print the wheel's address"),
        ("--requirements", "requirements", "print a line for requirements.txt, with its hash"),
        ("--uv", "uv_project", "print tables for pyproject.toml"),
    ):
        forms.add_argument(option, dest="form", action="store_const", const=form, help=about)
    made.set_defaults(form="text")
    return made


if __name__ == "__main__":
    raise SystemExit(main())
