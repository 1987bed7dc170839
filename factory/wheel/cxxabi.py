"""Which C++ ABI of the standard library an extension was compiled for, read from its symbols.

With ``_GLIBCXX_USE_CXX11_ABI=0`` a ``std::string`` argument is mangled as ``Ss``, with 1 it is a
``std::__cxx11::basic_string``: https://gcc.gnu.org/onlinedocs/libstdc++/manual/using_dual_abi.html and
https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangling-compression.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# Literals (Li128E) and references to earlier parts (S1_, T_) hold digits that are no length of a name.
_TOKEN = re.compile(r"L[a-z]n?\d+E|[ST][0-9A-Z]*_|Ss|(?P<length>[1-9]\d{0,5})|.", re.DOTALL)
_TORCH = frozenset({"at", "c10", "caffe2", "torch"})
_STABLE = frozenset({"headeronly", "stable"})


def cxx11abi(symbols: Iterable[str]) -> frozenset[bool]:
    """Return the ABIs that ``symbols`` of torch with strings in them speak of: none, one, or both.

    Only torch's symbols count: its libraries have one ABI, while libstdc++ exports both.
    """
    found: set[bool] = set()
    for symbol in symbols:
        tokens = _parts(symbol)
        if tokens & _TORCH:
            found |= {abi for abi, mark in ((True, "__cxx11"), (False, "Ss")) if mark in tokens}
    return frozenset(found)


def is_torch(symbol: str) -> bool:
    """Whether it is of torch's C++, which changes with every release: not of the headers that stay alike."""
    parts = _parts(symbol)
    return bool(parts & _TORCH) and not parts & _STABLE


def _parts(symbol: str) -> frozenset[str]:
    return frozenset(_tokens(symbol)) if symbol.startswith("_Z") else frozenset()


def _tokens(symbol: str) -> Iterator[str]:
    """Split a mangled name, so that ``Ss`` inside an identifier is not taken for ``std::string``."""
    at = 0
    while match := _TOKEN.match(symbol, at):
        at = match.end()
        if match["length"]:
            yield symbol[at : at + int(match["length"])]
            at += int(match["length"])
        else:
            yield match[0]
