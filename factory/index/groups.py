"""The indexes there are: one for each CUDA, torch and C++ ABI, and for each profile one of its own.

Local versions are compared as text, so wheels that differ in one of these may not meet in one index.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from factory.index.published import Published, ordered
from factory.index.served.flash_attn_wheel import index_path
from factory.matrix.model import FULL
from factory.versions import version_key


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
