"""Compute capabilities, in the spellings people use, and the front-end passes and gencode flags they become.

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
        """Return what ``8.6``, ``86``, ``9.0a``, ``90a`` or ``8.9+PTX`` spells.

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
        """Return the dotted spelling, which ``parse`` reads back."""
        return f"{self.major}.{self.minor}{self.suffix}{'+PTX' if self.ptx else ''}"

    @property
    def number(self) -> str:
        """Its name as nvcc has it after ``sm_``: ``86``, ``90a``."""
        return f"{self.major}{self.minor}{self.suffix}"

    @property
    def real(self) -> Arch:
        """The same capability without its PTX."""
        return Arch(self.major, self.minor, self.suffix)

    def serves(self, target: Arch) -> bool:
        """Whether ptxas makes machine code for ``target`` of this capability's PTX.

        Plain PTX serves what is not older, that of ``f`` the rest of its major only, that of ``a`` itself only.
        Source: ptxas 13.0.88, which took and refused them so.
        """
        if self.suffix == "a":
            return self.real == target.real
        newer = (target.major, target.minor) >= (self.major, self.minor)
        return newer and (not self.suffix or target.major == self.major)

    def runs_on(self, gpu: Arch) -> bool:
        """Whether ``gpu`` runs machine code of this capability, or where ``ptx``, its PTX.

        Code runs within its major, PTX on newer ones too, that of ``f`` within its major, that of ``a`` on its own.
        Source: CUDA C++ Programming Guide, "Application Compatibility" (binary and PTX compatibility).
        """
        if self.suffix == "a":
            return (self.major, self.minor) == (gpu.major, gpu.minor)
        if self.major == gpu.major:
            return self.minor <= gpu.minor
        return self.ptx and not self.suffix and self.major < gpu.major


@dataclass(frozen=True, kw_only=True)
class FrontEnd:
    """One pass of the device front end: from ``virtual``'s PTX come all of ``real``; ``ptx``: it is wanted itself."""

    virtual: Arch
    real: tuple[Arch, ...]
    ptx: bool


def front_ends(archs: Iterable[Arch], shared: Mapping[Arch, Arch]) -> tuple[FrontEnd, ...]:
    """Return the passes that make ``archs``, each architecture in exactly one.

    ``shared`` maps a real target to the capability whose pass also serves it; a target that is not in it
    gets a pass of its own.
    """
    wanted = set(archs)
    embedded = {arch.real for arch in wanted if arch.ptx}
    groups: dict[Arch, list[Arch]] = {virtual: [] for virtual in embedded}
    for arch in sorted({arch.real for arch in wanted}):
        groups.setdefault(shared.get(arch, arch), []).append(arch)
    return tuple(
        FrontEnd(virtual=virtual, real=tuple(real), ptx=virtual in embedded) for virtual, real in sorted(groups.items())
    )


def gencode(virtual: Arch, real: Iterable[Arch]) -> tuple[str, ...]:
    """Return nvcc's flags for one front-end pass that leaves its PTX and the machine code of ``real``.

    Source of ``-gencode arch=compute_80,code=[sm_80,sm_90,compute_80]``: nvcc's own ``--help``.
    """
    codes = [*(f"sm_{arch.number}" for arch in real), f"compute_{virtual.number}"]
    return ("-gencode", f"arch=compute_{virtual.number},code=[{','.join(codes)}]")
