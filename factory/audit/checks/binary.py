"""Checks of the extension module: what the loader and the GPU will find in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from factory.versions import abi_word, cuda_major, numbers, version_key
from factory.wheel import fatbin, pythonabi
from factory.wheel.cxxabi import cxx11abi as abis_of
from factory.wheel.facts import MODULE, CheckInput, Extension
from factory.wheel.fatbin import GpuCode
from factory.wheel.torchabi import check_symbols, torch_range

_PROMISE = re.compile(r"manylinux_(\d+)_(\d+)(?:_\w+)?")
_SOABI = re.compile(r"\.cpython-(\d)(\d+t?)-[^/]*\.so$")
_SHOWN = 3  # of names that are one as bad as the other


def extension(given: CheckInput) -> Iterator[str]:
    """There must be exactly one extension module, at the root, that the wheel's Python can load."""
    if given.expected is None or not given.facts.members:
        return
    modules = [member.name for member in given.facts.members if member.is_module]
    soabi = f"cpython-{given.expected.python.replace('.', '')}-{given.expected.machine}-linux-gnu"
    if set(modules) != {f"{MODULE}.{soabi}.so"}:
        yield f"modules are {', '.join(modules) or 'none'}; asked for was {MODULE}.{soabi}.so"
    for module in given.facts.extensions:
        if module.machine != given.expected.machine:
            yield f"{module.path} is for {module.machine}"
        if f"PyInit_{MODULE}" not in module.defined:
            yield f"{module.path} does not define PyInit_{MODULE}"


def loadable(given: CheckInput) -> Iterator[str]:
    """Machine code must be for the machine, and a module for the Python, that the name says."""
    promise = given.promise
    if promise is None:
        return
    for module in given.facts.extensions:
        if promise.machines and module.machine not in promise.machines:
            yield f"{module.path} is for {module.machine}, the name says {' and '.join(promise.machines)}"
        python = _SOABI.search(module.path)
        if python and promise.python and f"{python[1]}.{python[2]}" != promise.python:
            yield f"{module.path} is for Python {python[1]}.{python[2]}, the name says {promise.python}"


def abi3(given: CheckInput) -> Iterator[str]:
    """A wheel for every Python from one on must call of Python only what the stable ABI of that one has."""
    promise = given.promise
    if promise is None or promise.abi3 is None:
        return
    for module in given.facts.extensions:
        others = pythonabi.beyond(module.undefined, promise.abi3)
        if others:
            more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
            yield f"{module.path} calls {', '.join(others[:_SHOWN])}{more}, which Python {promise.abi3} has not there"


def cxx11abi(given: CheckInput) -> Iterator[str]:
    """The C++ ABI in the symbols must be that of the torch it is for, or it cannot be imported."""
    wanted = given.expected.cxx11abi if given.expected else given.promise.cxx11abi if given.promise else None
    if wanted is None:
        return
    for module in given.facts.extensions:
        found = abis_of(module.undefined)
        if found != {wanted} and (found or given.expected):
            spelt = " and ".join(abi_word(abi) for abi in sorted(found)) or "no symbol of torch that tells it"
            yield f"{module.path} has {spelt}, asked for was {abi_word(wanted)}"


def archs(given: CheckInput) -> Iterator[str]:
    """The GPU code must be for exactly the architectures asked for, PTX only where asked for."""
    for module in given.facts.extensions if given.is_flash_attn else ():
        found = module.images
        if not found:
            yield f"{module.path} holds no GPU code"
        elif given.expected is not None and given.expected.archs is not None:
            yield from _difference(module, found, fatbin.images(given.expected.archs))


def _difference(module: Extension, found: frozenset[GpuCode], wanted: frozenset[GpuCode]) -> Iterator[str]:
    if wanted - found:
        yield f"{module.path} lacks {_spell(wanted - found)}"
    if found - wanted:
        yield f"{module.path} also has {_spell(found - wanted)}"


def strays(given: CheckInput) -> Iterator[str]:
    """What its sections say of GPU code must be what is loaded, for the CUDA runtime reads no section header."""
    for module in given.facts.extensions:
        if module.strays:
            shown = ", ".join(f"{offset:#x}" for offset in module.strays[:_SHOWN])
            more = f" and {len(module.strays) - _SHOWN} more" if len(module.strays) > _SHOWN else ""
            yield f"{module.path} has fat binaries that no section tells of, or that are not loaded, at {shown}{more}"


def fatbins(given: CheckInput) -> Iterator[str]:
    """Every translation unit must have the same architectures, or some kernels are missing on some GPUs."""
    for module in given.facts.extensions if given.is_flash_attn else ():
        sets = Counter(frozenset(unit.images) for unit in module.fatbins)
        if len(sets) > 1:
            counted = [f"{count} with {_spell(images)}" for images, count in sets.most_common()]
            yield f"{module.path} has units of {len(sets)} kinds: {'; '.join(counted)}"


def compression(given: CheckInput) -> Iterator[str]:
    """Machine code must be compressed just where it was to be, or the oldest driver promised cannot read it."""
    if given.expected is None or given.expected.made_with is None:
        return
    wanted = given.expected.made_with.compression
    for module in given.facts.extensions:
        found = module.compressions
        if found and ("zstd" in found) != (wanted is not None):
            yield f"{module.path} has {' and '.join(found)}, asked for was {wanted or fatbin.PLAIN}"


def toolkit(given: CheckInput) -> Iterator[str]:
    """Its machine code must be of the toolkit named, none newer than its CUDA: the oldest driver promised must take it.

    Source of that promise within a major: NVIDIA's "CUDA Compatibility", minor version compatibility.
    """
    expected, promise = given.expected, given.promise
    cuda = (expected.cuda or str(expected.cuda_major)) if expected else promise.cuda if promise else None
    if cuda is None:
        return
    kernels = expected.made_with.kernels.toolkit if expected and expected.made_with else None
    for module in given.facts.extensions:
        for release in module.toolkits:
            if numbers(release)[:1] > numbers(cuda)[:1]:
                older = f"CUDA {cuda_major(cuda)}"
                yield f"{module.path} has machine code of CUDA {release}, which the drivers of {older} do not take"
            elif "." in cuda and numbers(release) > numbers(cuda):
                yield f"{module.path} has machine code of CUDA {release}, and is for CUDA {cuda}"
            if kernels is not None and numbers(release) != numbers(kernels)[:2]:
                yield f"{module.path} has machine code of CUDA {release}; its kernels were compiled with {kernels}"


def _spell(images: set[GpuCode] | frozenset[GpuCode]) -> str:
    return " ".join(str(image) for image in sorted(images)) or "nothing"


def needed(given: CheckInput) -> Iterator[str]:
    """It must need the CUDA runtime of its CUDA and torch's c10, and else only torch and the system's C++ libraries."""
    if given.expected is None:
        return
    rules = given.rules
    cudart = f"{rules.cudart}{given.expected.cuda_major}"
    for module in given.facts.extensions:
        allowed = {*rules.torch_libraries, *rules.system_libraries, cudart}
        yield from (f"{module.path} needs {name}" for name in module.needed if name not in allowed)
        required = (cudart, "libc10.so")
        yield from (f"{module.path} does not need {name}" for name in required if name not in module.needed)


def runtime(given: CheckInput) -> Iterator[str]:
    """It must need the CUDA runtime of the CUDA in its name, for that one is beside its torch."""
    promise = given.promise
    if promise is None or promise.cuda is None:
        return
    right = f"{given.rules.cudart}{cuda_major(promise.cuda)}"
    for module in given.facts.extensions:
        wrong = [name for name in module.needed if name.startswith(given.rules.cudart) and name != right]
        yield from (f"{module.path} needs {name}, the name says CUDA {promise.cuda}" for name in wrong)


def rpath(given: CheckInput) -> Iterator[str]:
    """No library search path of the machine that built it may be left in; one below $ORIGIN may."""
    for module in given.facts.extensions:
        for path in module.rpaths:
            if not path.startswith(("$ORIGIN", "${ORIGIN}")):
                yield f"{module.path} searches {path or 'the current directory'}"


def torch_symbol(given: CheckInput) -> Iterator[str]:
    """It must call torch's CUDA check by the name the target torch exports, or it cannot be imported."""
    if given.expected is None or given.expected.check_symbol is None:
        return
    for module in given.facts.extensions:
        found = check_symbols(module.undefined)
        if found != (given.expected.check_symbol,):
            yield f"{module.path} calls {', '.join(found) or 'none'}; torch has {given.expected.check_symbol}"


def torch_release(given: CheckInput) -> Iterator[str]:
    """What it calls of torch must be in the torch that its name says, or it cannot be imported."""
    promise = given.promise
    if promise is None or promise.torch is None:
        return
    for module in given.facts.extensions:
        found = torch_range(module.undefined)
        if found and found.first and version_key(promise.torch) < version_key(found.first):
            yield f"{module.path} needs torch {found.first} or newer, the name says {promise.torch}"
        if found and found.before and version_key(promise.torch) >= version_key(found.before):
            yield f"{module.path} needs a torch older than {found.before}, the name says {promise.torch}"


def glibc(given: CheckInput) -> Iterator[str]:
    """It must run on every Linux promised: by who asked for it, its platform tag or the matrix; without, on some."""
    tagged, expected = given.facts.promise, given.expected
    said = [_floor(expected.manylinux) if expected else None, numbers(tagged.glibc or "") if tagged else None]
    promises = [promise for promise in said if promise]
    for module in given.facts.extensions:
        if expected is not None and module.machine != expected.machine:
            continue
        if not promises:
            unknown = (version for version in module.unlisted if version not in given.rules.later_versions)
            yield from (f"{module.path} needs {version}, which no system has" for version in unknown)
            continue
        major, minor = min(promises)
        floor = _floor(module.policy)
        if floor is None or floor > (major, minor):
            yield f"{module.path} fits {module.policy}, promised was manylinux_{major}_{minor}"


def _floor(platform: str | None) -> tuple[int, ...] | None:
    match = _PROMISE.fullmatch(platform or "")
    return (int(match[1]), int(match[2])) if match else None
