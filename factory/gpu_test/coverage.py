"""Which of a wheel's GPU code runs on one GPU: the driver takes the nearest machine code, else the newest PTX.

A trial runs that; of what else the GPU can run it tries a sample, with all other code hidden from the driver.

Source: CUDA C++ Programming Guide, "Application Compatibility" (binary and PTX compatibility).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from factory.gpu_test.verdict import ArchTried
from factory.matrix.arch import Arch
from factory.wheel.fatbin import GpuCode


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far a trial got: whether it got as far as a kernel, and the names of the ``others`` whose sample passed."""

    kernels: bool
    others: Collection[str] = ()


def exercised(images: Iterable[GpuCode], gpu: Arch, reach: Reach) -> tuple[ArchTried, ...]:
    """Return for each of ``images`` whether a trial on ``gpu`` ran it, and why or why not."""
    there = sorted(set(images))
    chosen = _chosen(there, gpu)
    return tuple(_tried(image, chosen, gpu, reach) for image in there)


def others(images: Iterable[GpuCode], gpu: Arch) -> tuple[GpuCode, ...]:
    """Return what ``gpu`` can run of ``images`` beside what the driver takes."""
    there = sorted(set(images))
    chosen = _chosen(there, gpu)
    return tuple(image for image in there if image != chosen and runs(image, gpu))


def runs(image: GpuCode, gpu: Arch) -> bool:
    """Return whether ``gpu`` can run ``image``."""
    return replace(image.arch, ptx=image.kind != "real").runs_on(gpu)


def _chosen(images: Iterable[GpuCode], gpu: Arch) -> GpuCode | None:
    fitting = (image for image in images if runs(image, gpu))
    return max(fitting, key=lambda image: (image.kind == "real", image.arch), default=None)


def _tried(image: GpuCode, chosen: GpuCode | None, gpu: Arch, reach: Reach) -> ArchTried:
    if not runs(image, gpu):
        tested, why = False, f"a GPU of {gpu} cannot run it"
    elif image != chosen:
        tested = str(image) in reach.others
        why = "a sample, all other code hidden from the driver" if tested else "its sample was not tried or failed"
    elif not reach.kernels:
        tested, why = False, "the trial did not get as far as a kernel"
    elif image.kind == "real":
        tested, why = True, f"what the driver takes on a GPU of {gpu}"
    else:
        tested, why = True, f"compiled by the driver on a GPU of {gpu}, for there is no machine code"
    return ArchTried(arch=str(image), tested=tested, why=why)
