"""Which torch releases a module runs with, by the names it calls of torch.

torch's C++ changes with every release; of what is told of it here only the function that reports CUDA's errors tells
series apart. Its C functions are a stable ABI:
https://docs.pytorch.org/docs/stable/notes/libtorch_stable_abi.html
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from factory.data import DATA
from factory.matrix.checksymbol import span
from factory.versions import version_key
from factory.wheel import cxxabi

CHECK_FUNCTION = "c10_cuda_check_implementation"
_OLDEST_STABLE = "2.9"


@dataclass(frozen=True, kw_only=True)
class TorchRange:
    """The torch series that have all names a module calls: from ``first`` on, older than ``before``; None for no bound.

    ``stable`` says that it calls torch's stable ABI alone.
    """

    stable: bool
    first: str | None = None
    before: str | None = None


def torch_range(symbols: Iterable[str]) -> TorchRange | None:
    """Return which torch has all ``symbols`` of torch, as far as they tell; None where none of them is torch's."""
    called = frozenset(symbols)
    plain = frozenset(symbol for symbol in called if cxxabi.is_torch(symbol))
    shims = frozenset(symbol for symbol in called if symbol.startswith(("aoti_torch_", "torch_")))
    since = max((_table().get(symbol, _OLDEST_STABLE) for symbol in shims), key=version_key, default=None)
    if not plain:
        return TorchRange(stable=True, first=since) if shims else None
    bounds = [span(symbol) for symbol in check_symbols(plain)]
    firsts = [first for first in (since, *(first for first, _ in bounds)) if first is not None]
    ends = [before for _, before in bounds if before is not None]
    return TorchRange(
        stable=False,
        first=max(firsts, key=version_key, default=None),
        before=min(ends, key=version_key, default=None),
    )


def check_symbols(symbols: Iterable[str]) -> tuple[str, ...]:
    """Return the names under which ``symbols`` call torch's CUDA check; one in a good wheel."""
    return tuple(sorted(symbol for symbol in symbols if CHECK_FUNCTION in symbol))


@cache
def _table() -> Mapping[str, str]:
    table = tomllib.loads((DATA / "torch_shims.toml").read_text(encoding="utf-8"))
    return {name: release for release, added in table.items() for name in added.split()}
