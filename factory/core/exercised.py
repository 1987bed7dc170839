"""Which of a wheel's GPU code runs on one GPU: the driver takes the nearest machine code, else the newest PTX.

Source: CUDA C++ Programming Guide, "Application Compatibility" (binary and PTX compatibility).
"""

from __future__ import annotations

from collections.abc import Iterable

from factory.core.arch import Arch
from factory.core.verdict import ArchTried
from factory.core.wheel.fatbin import Image


def exercised(images: Iterable[Image], gpu: Arch, *, ran: bool) -> tuple[ArchTried, ...]:
    """Say of each of ``images`` whether a trial on ``gpu`` runs it; with ``ran`` false none did, and it says so."""
    there = sorted(set(images))
    chosen = _chosen([image for image in there if runs(image, gpu)])
    return tuple(
        ArchTried(arch=str(image), tested=ran and image == chosen, why=_why(image, chosen, gpu, ran=ran))
        for image in there
    )


def runs(image: Image, gpu: Arch) -> bool:
    """Whether ``gpu`` can run ``image``: machine code within its major, PTX on newer ones too, ``a`` on its own."""
    if image.arch.suffix == "a":
        return image.arch.real == Arch(gpu.major, gpu.minor, "a")
    same_major = image.arch.major == gpu.major and image.arch.minor <= gpu.minor
    if image.kind == "real" or image.arch.suffix == "f":
        return same_major
    return (image.arch.major, image.arch.minor) <= (gpu.major, gpu.minor)


def _chosen(fitting: list[Image]) -> Image | None:
    nearest = sorted(fitting, key=lambda image: (image.kind == "real", image.arch))
    return nearest[-1] if nearest else None


def _why(image: Image, chosen: Image | None, gpu: Arch, *, ran: bool) -> str:
    if image == chosen:
        taken = (
            "what the driver takes" if image.kind == "real" else "compiled by the driver, for there is no machine code"
        )
        return f"{taken} on a GPU of {gpu}" if ran else "the trial did not get as far as a kernel"
    if runs(image, gpu):
        return f"the driver takes {chosen} on a GPU of {gpu}"
    return f"a GPU of {gpu} cannot run it"
