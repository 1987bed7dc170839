"""Which kernels a cell needs: cells with the same need share one kernel set."""

from __future__ import annotations

from dataclasses import dataclass

from factory.matrix.arch import Arch
from factory.matrix.model import Cell, Matrix
from factory.versions import cuda_token


@dataclass(frozen=True, kw_only=True, order=True)
class KernelSetId:
    """What decides which kernels a cell needs; cells with the same need share one set."""

    flash_attn: str
    cuda: str
    archs: tuple[Arch, ...]
    profile: str
    kernel_class: str

    def __str__(self) -> str:
        """Name the set as a person would."""
        archs = " ".join(map(str, self.archs))
        return f"fa{self.flash_attn} {cuda_token(self.cuda)} {archs} {self.profile} {self.kernel_class}"


def need_of(cell: Cell, matrix: Matrix) -> KernelSetId:
    """Return which kernels ``cell``, one of ``matrix``, needs."""
    return KernelSetId(
        flash_attn=cell.flash_attn,
        cuda=cell.cuda,
        archs=cell.archs,
        profile=cell.profile,
        kernel_class=matrix.torch[cell.torch].kernel_class,
    )
