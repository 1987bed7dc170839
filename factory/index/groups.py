"""The indexes there are: one for each CUDA, torch and C++ ABI, one for each CUDA, and for each profile ones of its own.

Local versions are compared as text. So wheels that differ in torch or ABI may meet in one index only where each of them
says which torch it is for, and each torch has one ABI there: then an installer finds its way by what they require.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from factory.index.published import Published, ordered
from factory.index.served.flash_attn_wheel import cuda_index_path, index_path
from factory.index.torchbuilds import TorchBuild
from factory.matrix.model import FULL
from factory.versions import cuda_major, version_key


@dataclass(frozen=True, kw_only=True)
class Group:
    """One index: its ``path`` below the root, ``cu124/torch2.6/cxx11abiFALSE``, and its wheels, newest first.

    ``cuda`` is ``12.4``, or only ``12`` in the index of all wheels of that major.
    """

    cuda: str
    torch: str
    cxx11abi: bool
    profile: str
    wheels: tuple[Published, ...]

    @property
    def path(self) -> str:
        """Where it lies below the root."""
        return index_path(self.cuda, self.torch, self.cxx11abi, self.profile)


@dataclass(frozen=True, kw_only=True)
class CudaIndex:
    """One index for every torch of one CUDA: its ``path`` below the root, ``cu124``, and its wheels, newest first."""

    path: str
    wheels: tuple[Published, ...]


def by_toolkit(published: Iterable[Published]) -> list[Group]:
    """Return every wheel in one group: that of its toolkit, of its CUDA major where that is all that is known."""
    return _grouped((one.cuda or str(one.name.cuda_major), one) for one in published)


def all_indexes(published: Iterable[Published]) -> list[Group]:
    """Return the groups by toolkit and those by CUDA major: any minor's torch runs any minor's wheel."""
    wheels = list(published)
    return _grouped(
        (cuda, one)
        for one in wheels
        for cuda in dict.fromkeys((one.cuda or str(one.name.cuda_major), str(one.name.cuda_major)))
    )


def by_cuda(published: Iterable[Published], builds: Iterable[TorchBuild]) -> list[CudaIndex]:
    """Return an index for each CUDA, as PyTorch has them, of the wheels that are tied to their torch.

    A wheel is in that of every CUDA for which ``builds`` has its torch with its ABI, if the major is its own; where
    they do not know its torch at all, in that of its own toolkit.
    """
    official: dict[str, list[TorchBuild]] = {}
    for build in builds:
        official.setdefault(build.series, []).append(build)
    found: dict[tuple[bool, tuple[int, ...], str], list[Published]] = {}
    for one in ordered(published):
        for cuda in _cudas(one, official.get(one.name.torch)) if one.tied else ():
            key = (one.name.profile == FULL, version_key(cuda), cuda_index_path(cuda, one.name.profile))
            found.setdefault(key, []).append(one)
    return [CudaIndex(path=key[-1], wheels=tuple(wheels)) for key, wheels in sorted(found.items(), reverse=True)]


def _cudas(one: Published, builds: Iterable[TorchBuild] | None) -> list[str]:
    """Return the CUDAs whose torch takes ``one``; ``builds`` are those of its torch, None where it is not known."""
    if builds is None:
        return [one.cuda] if one.cuda else []
    wanted = (one.name.cuda_major, one.name.cxx11abi)
    return [build.cuda for build in builds if (cuda_major(build.cuda), build.cxx11_abi) == wanted]


def _grouped(pairs: Iterable[tuple[str, Published]]) -> list[Group]:
    groups: dict[tuple[str, str, bool, str], list[Published]] = {}
    for cuda, one in pairs:
        groups.setdefault((cuda, one.name.torch, one.name.cxx11abi, one.name.profile), []).append(one)
    made = [
        Group(cuda=cuda, torch=torch, cxx11abi=abi, profile=profile, wheels=tuple(ordered(wheels)))
        for (cuda, torch, abi, profile), wheels in groups.items()
    ]
    return sorted(made, key=_order, reverse=True)


def _order(group: Group) -> tuple[bool, tuple[int, ...], tuple[int, ...], bool, str]:
    """Sort the newest torch first; profiles other than the full one last."""
    return group.profile == FULL, version_key(group.torch), version_key(group.cuda), group.cxx11abi, group.profile
