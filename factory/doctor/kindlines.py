"""What follows from the kind of machine that this is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from factory.doctor.facts import Facts, Missing
from factory.doctor.result import Line, ok, problem, warning

_GLIBC = "Use a system with glibc 2.28 or newer, such as Debian's, Ubuntu's or Fedora's, or a container of one."
# https://docs.nvidia.com/datacenter/cloud-native/container-toolkit and https://apptainer.org/docs/user/latest/gpu.html
_GIVEN = {"docker": "--gpus all", "podman": "--device nvidia.com/gpu=all", "apptainer": "--nv"}


def lines(facts: Facts) -> Iterator[Line]:
    """Yield what is to be known of this kind of machine; nothing of plain hardware with a Linux on it."""
    kind, unseen = facts.kind, isinstance(facts.gpus, Missing)
    if kind.musl is not None:
        yield _musl(kind.musl, facts)
    if kind.wsl is not None:
        yield _wsl(kind.wsl, unseen=unseen)
    if kind.container is not None:
        gpu = f"; no GPU, for which it is to be started with {_GIVEN[kind.container]}" if unseen else ""
        yield ok(
            "system", f"this is a container ({kind.container}), with the cores, memory and disks it was given{gpu}"
        )
    if kind.mig:
        counted = ", ".join(f"{count} of {name}" for name, count in Counter(kind.mig).items())
        said = f"divided into MIG instances ({counted}): a process has one, with its share of memory and units alone"
        yield ok("MIG", f"{said}; the wheel is the same")


def _musl(version: str, facts: Facts) -> Line:
    said = f"musl {version} is this system's C library; there is no torch for it, nor does a wheel made for glibc load"
    if isinstance(facts.engine, Missing):
        return problem("system", said, _GLIBC)
    return warning("system", f"{said}. The image of matrix.yaml builds one for other systems", _GLIBC)


def _wsl(generation: int, *, unseen: bool) -> Line:
    if generation == 1:
        told = "this is WSL1, whose kernel has no GPU: a wheel can be built, not used"
        return warning("system", told, "In Windows, type: wsl --set-version DISTRIBUTION 2")
    said = "this is WSL2: Linux wheels fit it, and the GPU's driver is that of Windows"
    if unseen:
        remedy = "Install NVIDIA's newest driver in Windows, none in here, then type there: wsl --update"
        return warning("system", f"{said}, which shows no GPU here", remedy)
    return ok("system", f"{said}; memory is what .wslconfig gives")
