"""Which CUDA each official build of torch is for, and with which C++ ABI: what PyTorch's own indexes hold."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache as once

from pydantic import TypeAdapter

from factory.data import DATA
from factory.matrix.model import Matrix


@dataclass(frozen=True, kw_only=True)
class TorchBuild:
    """An official build of the torch ``series`` for ``cuda`` (``12.4``)."""

    series: str
    cuda: str
    cxx11_abi: bool


_BUILDS = TypeAdapter(tuple[TorchBuild, ...])


def builds(matrix: Matrix) -> frozenset[TorchBuild]:
    """Return the builds that ``matrix`` knows, and those it leaves out for want of a toolkit."""
    known = (
        TorchBuild(series=torch.series, cuda=build.cuda, cxx11_abi=build.cxx11abi)
        for torch in matrix.torch.values()
        for build in torch.builds
    )
    return frozenset(known) | frozenset(_others())


@once
def _others() -> tuple[TorchBuild, ...]:
    table: Mapping[str, object] = tomllib.loads((DATA / "torch_builds.toml").read_text(encoding="utf-8"))
    return _BUILDS.validate_python(table["build"])
