"""Compute capabilities, in the spellings people use, and the gencode flags they become.

Source of the spellings: ``TORCH_CUDA_ARCH_LIST`` (``8.9+PTX``) and nvcc (``sm_90a``, ``compute_89``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_SPELLING = re.compile(r"(?:(\d+)\.(\d)|(\d{2,3}))([af]?)(\+PTX)?", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Arch:
    """One compute capability: ``8.0``, ``9.0a``, ``12.0f``; with ``ptx``, its PTX is kept too."""

    major: int
    minor: int
    suffix: str = ""
    ptx: bool = False

    @classmethod
    def parse(cls, text: str) -> Arch:
        """Read ``8.6``, ``86``, ``9.0a``, ``90a`` or ``8.9+PTX``.

        Raises ValueError saying what a spelling looks like.
        """
        match = _SPELLING.fullmatch(text.strip())
        if match is None:
            msg = f"{text!r} is not a compute capability; write it like 8.6, 86, 9.0a or 8.9+PTX"
            raise ValueError(msg)
        major, minor, joined, suffix, ptx = match.groups()
        if joined:
            major, minor = joined[:-1], joined[-1]
        return cls(int(major), int(minor), suffix.lower(), ptx is not None)

    def __str__(self) -> str:
        """Give the dotted spelling, which ``parse`` reads back."""
        return f"{self.major}.{self.minor}{self.suffix}{'+PTX' if self.ptx else ''}"

    @property
    def number(self) -> str:
        """Name it as nvcc does after ``sm_``: ``86``, ``90a``."""
        return f"{self.major}{self.minor}{self.suffix}"

    @property
    def real(self) -> Arch:
        """The same capability without its PTX."""
        return Arch(self.major, self.minor, self.suffix)


def gencode(archs: Iterable[Arch], front_end: Mapping[Arch, Arch]) -> tuple[str, ...]:
    """Give nvcc's ``-gencode`` flags for ``archs``, one front-end pass per group.

    ``front_end`` maps a real target to the capability whose front-end pass also serves it; a target
    that is not in it gets its own pass.
    """
    wanted = sorted(set(archs))
    groups: dict[Arch, list[str]] = {}
    for arch in sorted({a.real for a in wanted}):
        groups.setdefault(front_end.get(arch, arch), []).append(f"sm_{arch.number}")
    for arch in wanted:
        if arch.ptx:
            groups.setdefault(arch.real, []).append(f"compute_{arch.number}")
    flags: list[str] = []
    for virtual, codes in sorted(groups.items()):
        flags += ["-gencode", f"arch=compute_{virtual.number},code=[{','.join(codes)}]"]
    return tuple(flags)
