"""Whether a unit compiled the plain upstream way and the pool's way is the same, and what is not.

Machine code is compared kernel by kernel: the instructions and everything the loader is told about them.
Of the host code the symbols that a linker sees are compared; its bytes hold the names of the headers it was made with.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_OF_TORCH = re.compile(r"_ZNK?(3c10|2at|5torch|6caffe2)")
_WORD = 16  # bytes of an instruction since compute capability 7.0


@dataclass(frozen=True)
class Code:
    """The machine code of one unit for one architecture: by kernel and section, ``KERNEL .text``, its bytes."""

    sections: Mapping[str, bytes]

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


def code_differences(plain: Code, pool: Code) -> Iterator[Difference]:
    """Yield what differs between the machine code of the two ways."""
    for name in sorted(plain.sections.keys() ^ pool.sections.keys()):
        yield Difference(f"{name} is only in the {'plain' if name in plain.sections else 'pool'} code", _kernel(name))
    for name in sorted(plain.sections.keys() & pool.sections.keys()):
        ours, theirs = pool.sections[name], plain.sections[name]
        if ours != theirs:
            yield Difference(f"{name} {_where(theirs, ours)}", _kernel(name))


def symbol_differences(plain: HostSymbols, pool: HostSymbols) -> Iterator[Difference]:
    """Yield the host symbols that only one of the two ways has.

    What the plain way alone needs is a difference if it is torch's. The rest, of the C++ and CUDA runtimes,
    belongs to initialisers in headers that torch's own include and the stand-ins do not.
    """
    for name in sorted(plain.defined ^ pool.defined):
        yield Difference(f"host symbol {name} is defined only {'plain' if name in plain.defined else 'pooled'}")
    for name in sorted(pool.undefined - plain.undefined):
        yield Difference(f"host symbol {name} is needed only pooled")
    for name in sorted(plain.undefined - pool.undefined):
        if _OF_TORCH.match(name):
            yield Difference(f"host symbol {name} is needed only plain")


def _kernel(section: str) -> str:
    kernel, _, what = section.partition(" ")
    return kernel if what == ".text" else ""


def _where(plain: bytes, pool: bytes) -> str:
    if len(plain) != len(pool):
        return f"has {len(plain)} bytes plain and {len(pool)} pooled"
    at = next(at for at in range(0, len(plain), _WORD) if plain[at : at + _WORD] != pool[at : at + _WORD])
    return f"differs at {at:#x}: plain {plain[at : at + _WORD].hex()}, pooled {pool[at : at + _WORD].hex()}"
