"""Which kernels a cell needs: cells with the same need share one kernel set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from factory.matrix.arch import Arch
from factory.matrix.model import Cell, Matrix, Toolkit
from factory.platforms import usual
from factory.versions import cuda_token


@dataclass(frozen=True, kw_only=True, order=True)
class KernelSetId:
    """What decides which kernels a cell needs; cells with the same need share one set.

    ``cuda`` is the CUDA that compiles them, which may be an older one of the major than the cell's own. Sets that
    differ in ``machine`` alone share their machine code and PTX, and have host code of their own.
    """

    flash_attn: str
    cuda: str
    archs: tuple[Arch, ...]
    profile: str
    machine: str

    @property
    def kin(self) -> KernelSetId:
        """What stands for the sets of every machine that have its machine code; one may have more architectures."""
        return replace(self, machine="", archs=())

    @property
    def label(self) -> str:
        """Its name for files and jobs: ``fa2.8.3.post2-cu130-8.0-9.0+PTX-full``."""
        return str(self).replace(" ", "-")

    def __str__(self) -> str:
        """Name the set as a person would."""
        archs = " ".join(map(str, self.archs))
        machine = "" if self.machine == usual() else f" {self.machine}"
        return f"fa{self.flash_attn} {cuda_token(self.cuda)} {archs} {self.profile}{machine}"


def maker(archs: Iterable[Arch], cuda: str, matrix: Matrix) -> Toolkit | None:
    """Return the first toolkit for the kernels of ``cuda`` that makes all ``archs``, None where there is none."""
    wanted = {arch.real for arch in archs}
    return next((toolkit for toolkit in matrix.makers(cuda) if wanted.issubset(toolkit.targets)), None)


def need_of(cell: Cell, matrix: Matrix) -> KernelSetId:
    """Return which kernels ``cell``, one of ``matrix``, needs."""
    return KernelSetId(
        flash_attn=cell.flash_attn,
        cuda=(maker(cell.archs, cell.cuda, matrix) or matrix.toolkits[cell.cuda]).version,
        archs=cell.archs,
        profile=cell.profile,
        machine=cell.machine,
    )
