"""Checks of the extension module: what the loader and the GPU will find in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from factory.versions import abi_word
from factory.wheel import fatbin
from factory.wheel.cxxabi import cxx11abi as abis_of
from factory.wheel.facts import CHECK_FUNCTION, MODULE, Extension, Subject
from factory.wheel.fatbin import Image

_PROMISE = re.compile(r"manylinux_(\d+)_(\d+)(?:_\w+)?")


def extension(subject: Subject) -> Iterator[str]:
    """There must be exactly one extension module, at the root, that the wheel's Python can load."""
    if subject.expected is None or not subject.facts.members:
        return
    modules = [member.name for member in subject.facts.members if member.is_module]
    soabi = f"cpython-{subject.expected.python.replace('.', '')}-{subject.expected.machine}-linux-gnu"
    if set(modules) != {f"{MODULE}.{soabi}.so"}:
        yield f"modules are {', '.join(modules) or 'none'}; asked for was {MODULE}.{soabi}.so"
    for module in subject.facts.extensions:
        if module.machine != subject.expected.machine:
            yield f"{module.path} is for {module.machine}"
        if f"PyInit_{MODULE}" not in module.defined:
            yield f"{module.path} does not define PyInit_{MODULE}"


def cxx11abi(subject: Subject) -> Iterator[str]:
    """The C++ ABI in the symbols must be that of the torch it is for, or it cannot be imported."""
    if subject.expected is None:
        return
    wanted = subject.expected.cxx11abi
    for module in subject.facts.extensions:
        found = abis_of(module.undefined)
        if found != {wanted}:
            spelt = " and ".join(abi_word(abi) for abi in sorted(found)) or "no symbol of torch that tells it"
            yield f"{module.path} has {spelt}, asked for was {abi_word(wanted)}"


def archs(subject: Subject) -> Iterator[str]:
    """The GPU code must be for exactly the architectures asked for, PTX only where asked for."""
    for module in subject.facts.extensions:
        found = {image for unit in module.fatbins for image in unit.images}
        if not found:
            yield f"{module.path} holds no GPU code"
        elif subject.expected is not None and subject.expected.archs is not None:
            yield from _difference(module, found, fatbin.images(subject.expected.archs))


def _difference(module: Extension, found: set[Image], wanted: frozenset[Image]) -> Iterator[str]:
    if wanted - found:
        yield f"{module.path} lacks {_spell(wanted - found)}"
    if found - wanted:
        yield f"{module.path} also has {_spell(found - wanted)}"


def fatbins(subject: Subject) -> Iterator[str]:
    """Every translation unit must have the same architectures, or some kernels are missing on some GPUs."""
    for module in subject.facts.extensions:
        sets = Counter(frozenset(unit.images) for unit in module.fatbins)
        if len(sets) > 1:
            counted = [f"{count} with {_spell(images)}" for images, count in sets.most_common()]
            yield f"{module.path} has units of {len(sets)} kinds: {'; '.join(counted)}"


def _spell(images: set[Image] | frozenset[Image]) -> str:
    return " ".join(str(image) for image in sorted(images)) or "nothing"


def needed(subject: Subject) -> Iterator[str]:
    """It must need the CUDA runtime of its CUDA and torch's c10, and else only torch and the system's C++ libraries."""
    if subject.expected is None:
        return
    rules = subject.rules
    cudart = f"{rules.cudart}{subject.expected.cuda_major}"
    for module in subject.facts.extensions:
        allowed = {*rules.torch_libraries, *rules.system_libraries, cudart}
        yield from (f"{module.path} needs {name}" for name in module.needed if name not in allowed)
        required = (cudart, "libc10.so")
        yield from (f"{module.path} does not need {name}" for name in required if name not in module.needed)


def rpath(subject: Subject) -> Iterator[str]:
    """No library search path of the machine that built it may be left in; one below $ORIGIN may."""
    for module in subject.facts.extensions:
        for path in module.rpaths:
            if not path.startswith(("$ORIGIN", "${ORIGIN}")):
                yield f"{module.path} searches {path or 'the current directory'}"


def kernel_class(subject: Subject) -> Iterator[str]:
    """It must call torch's CUDA check by the name the target torch exports; the layouts change with that name."""
    if subject.expected is None or subject.expected.check_symbol is None:
        return
    for module in subject.facts.extensions:
        found = check_symbols(module)
        if found != (subject.expected.check_symbol,):
            yield f"{module.path} calls {', '.join(found) or 'none'}; torch has {subject.expected.check_symbol}"


def check_symbols(module: Extension) -> tuple[str, ...]:
    """Return the names under which the module calls torch's CUDA check; one in a good wheel."""
    return tuple(sorted(symbol for symbol in module.undefined if CHECK_FUNCTION in symbol))


def glibc(subject: Subject) -> Iterator[str]:
    """It must run on every Linux that was promised: by who asked for it, or by the wheel's own platform tag."""
    name, expected = subject.facts.name, subject.expected
    said = [expected.manylinux if expected else None, name.platform if name else None]
    promises = [promise for promise in map(_floor, said) if promise is not None]
    if not promises:
        return
    major, minor = min(promises)
    for module in subject.facts.extensions:
        floor = _floor(module.platform)
        if (floor is None or floor > (major, minor)) and (expected is None or module.machine == expected.machine):
            yield f"{module.path} fits {module.platform}, promised was manylinux_{major}_{minor}"


def _floor(platform: str | None) -> tuple[int, int] | None:
    match = _PROMISE.fullmatch(platform or "")
    return (int(match[1]), int(match[2])) if match else None
