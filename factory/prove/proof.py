"""Whether a unit compiled the plain upstream way and the pool's way is the same, and what is not.

Machine code is compared kernel by kernel: the instructions and everything the loader is told about them.
Of the host code the symbols that a linker sees are compared; its bytes hold the names of the headers it was made with.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory.prove import moved as parameters
from factory.prove.moved import WORD

_CHECKS = re.compile(r"_ZN(3c104cuda29c10_cuda_check_implementationE|7factory9CudaCheck(C1Ev$|clEiPKcS2_j$))")
_CHECK = "a CUDA check"
_OF_TORCH = re.compile(r"_ZNK?(3c10|2at|5torch|6caffe2)")


@dataclass(frozen=True)
class Code:
    """The machine code of one unit for one architecture: by kernel and section, ``KERNEL .text``, its bytes."""

    sections: Mapping[str, bytes]

    def of(self, kernel: str) -> Mapping[str, bytes]:
        """Return the sections of one kernel by their own names."""
        found = ((name.partition(" "), content) for name, content in self.sections.items())
        return {section: content for (owner, _, section), content in found if owner == kernel}

    @property
    def kernels(self) -> int:
        """How many kernels there are."""
        return sum(name.endswith(" .text") for name in self.sections)

    @property
    def sha256(self) -> str:
        """The SHA-256, in hexadecimal, of names and contents."""
        digest = hashlib.sha256()
        for name, content in sorted(self.sections.items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


@dataclass(frozen=True)
class HostSymbols:
    """The global symbols of an object file: what it offers and what it needs."""

    defined: frozenset[str]
    undefined: frozenset[str]


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same; ``kernel`` is the mangled name where it is one kernel's code."""

    text: str
    kernel: str = ""

    def __str__(self) -> str:
        """Return the text."""
        return self.text


def moved(plain: Code, pool: Code) -> int:
    """Return how many instructions of ``pool`` read a parameter elsewhere than those of ``plain``, and do the same."""
    both = plain.sections.keys() & pool.sections.keys()
    texts = [name for name in both if name.endswith(" .text") and plain.sections[name] != pool.sections[name]]
    return sum(_moved(name, plain, pool) or 0 for name in texts)


def code_differences(plain: Code, pool: Code) -> Iterator[Difference]:
    """Yield what differs between the machine code of the two ways, but for where parameters stand."""
    for name in sorted(plain.sections.keys() ^ pool.sections.keys()):
        yield Difference(f"{name} is only in the {'plain' if name in plain.sections else 'pool'} code", _kernel(name))
    for name in sorted(plain.sections.keys() & pool.sections.keys()):
        ours, theirs = pool.sections[name], plain.sections[name]
        if ours != theirs and _moved(name, plain, pool) is None:
            yield Difference(f"{name} {_where(theirs, ours)}", _kernel(name))


def symbol_differences(plain: HostSymbols, pool: HostSymbols) -> Iterator[Difference]:
    """Yield the host symbols that only one of the two ways has.

    Torch's CUDA check and ours, which calls it, are one. What the plain way alone needs is a difference if it is
    torch's. The rest, of the C++ and CUDA runtimes, belongs to initialisers in headers that torch's own include and the
    stand-ins do not.
    """
    for name in sorted(plain.defined ^ pool.defined):
        yield Difference(f"host symbol {name} is defined only {'plain' if name in plain.defined else 'pooled'}")
    theirs, ours = (_with_one_check(symbols.undefined) for symbols in (plain, pool))
    for name in sorted(ours - theirs):
        yield Difference(f"host symbol {name} is needed only pooled")
    for name in sorted(theirs - ours):
        if name == _CHECK or _OF_TORCH.match(name):
            yield Difference(f"host symbol {name} is needed only plain")


def _with_one_check(names: frozenset[str]) -> frozenset[str]:
    return frozenset(_CHECK if _CHECKS.match(name) else name for name in names)


def _moved(name: str, plain: Code, pool: Code) -> int | None:
    kernel, _, section = name.partition(" ")
    if not parameters.widened(plain.of(kernel), pool.of(kernel)):
        return None
    return parameters.moved(section, plain.sections[name], pool.sections[name])


def _kernel(section: str) -> str:
    kernel, _, what = section.partition(" ")
    return kernel if what == ".text" else ""


def _where(plain: bytes, pool: bytes) -> str:
    if len(plain) != len(pool):
        return f"has {len(plain)} bytes plain and {len(pool)} pooled"
    at = next(at for at in range(0, len(plain), WORD) if plain[at : at + WORD] != pool[at : at + WORD])
    return f"differs at {at:#x}: plain {plain[at : at + WORD].hex()}, pooled {pool[at : at + WORD].hex()}"
