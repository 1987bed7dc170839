"""What was seen of a machine; that something is not there, or broken, is seen too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from factory.plan.room import Room
from factory.toolkit.headerfix import HeaderFix


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What could not be seen, and what was the matter; ``remedy`` where whoever looked knows one."""

    what: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program and its version; None where it does not say one, and then ``said`` is what it says instead."""

    path: str
    version: str | None
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Home:
    """The directory of a CUDA toolkit; ``origin`` says what led there.

    ``release`` is ``12.4.131``, None where its nvcc does not say. ``lacking`` are the files it should have.
    """

    origin: str
    path: str
    release: str | None
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """A toolkit that is not here but can be had: ``title`` names its sources, ``size`` is bytes to download."""

    title: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Fetchable:
    """An interpreter that is not here but that the program ``by`` fetches when it is needed."""

    by: str


@dataclass(frozen=True, kw_only=True)
class FetchableCompiler:
    """A g++ that is not here but can be had: ``size`` is bytes to download, ``why`` says why none here is taken."""

    title: str
    size: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Torch:
    """An installed torch, read from its files: ``2.6.0+cu124``, the CUDA it was built with, its C++ ABI.

    None is what its files do not tell; ``cuda`` is None also for a torch without CUDA.
    """

    where: str
    release: str | None
    cuda: str | None
    cxx11abi: bool | None


@dataclass(frozen=True, kw_only=True)
class Python:
    """An interpreter, ``3.10``, what is installed in it by name, and its torch.

    ``cudnn`` is the version of the cuDNN that torch finds there.
    """

    path: str
    version: str
    packages: Mapping[str, str]
    torch: Torch | None
    cudnn: str | None


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """``NVIDIA H100 80GB HBM3``, capability ``9.0``, driver ``580.95.05``."""

    name: str
    capability: str
    driver: str


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What kind of machine it is, where that is not plain hardware with a Linux on it.

    ``wsl`` is 1 or 2, the Windows Subsystem for Linux; ``container`` what runs the one that this is, ``docker``;
    ``musl`` the version of that C library where it is the system's; ``mig`` the instances its GPUs are divided into.
    """

    wsl: int | None = None
    container: str | None = None
    musl: str | None = None
    mig: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Cores and bytes of memory: what may be used, what the hardware has, the swap beside it, what is free.

    ``jobs`` and ``budget`` are what the factory lets compiles use. ``asked`` is the variable MAX_JOBS, empty where
    it is not set; ``most_jobs`` the matrix's own cap.
    """

    cores: int
    hardware_cores: int
    memory: int
    hardware_memory: int
    swap: int
    free: int
    jobs: int
    budget: int
    asked: str
    most_jobs: int


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A machine.

    ``home`` is the toolkit that torch's extension builder would take. ``toolkits`` are complete ones that are
    here, by CUDA version; ``compilers`` what the factory would compile with, by CUDA version; ``pythons`` by
    Python version. ``machine`` is ``x86_64``, ``glibc`` ``2.36``. ``programs`` are the paths of others by name.
    ``header_fixes`` are what the headers of a CUDA version lack, as they are here, else as NVIDIA published them.
    """

    nvcc: Program | Missing
    home: Home | Missing
    toolkits: Mapping[str, Home]
    gcc: Program | Missing
    gxx: Program | Missing
    compilers: Mapping[str, Program | FetchableCompiler | Missing]
    header_fixes: Mapping[str, tuple[HeaderFix, ...]]
    python: Python | Missing
    pythons: Mapping[str, str | Fetchable | Missing]
    capacity: Capacity
    rooms: tuple[Room, ...] | Missing
    gpus: tuple[Gpu, ...] | Missing
    engine: str | Missing
    programs: Mapping[str, str | Missing]
    machine: str
    glibc: str
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class Supply:
    """What the factory has for a cell, or would get: its toolkit, its torch, and the cuDNN this torch brings.

    ``toolkit`` compiles the kernels; ``runtime`` is what the rest is made with, None where that is the same CUDA.

    ``environment`` says whether torch is installed in the cache already; ``passed_over`` why toolkits that were
    named are not taken; ``cudnn`` is None where no lock file of the torch says it. ``header_fixes`` are those
    the factory makes in the view it compiles with; ``altered`` those that do not fit, for the headers are not
    as NVIDIA published them. ``cross`` is the compiler for a cell of another machine, None where it is for this one.
    """

    toolkit: Home | Fetch | Missing
    runtime: Home | Fetch | Missing | None
    header_fixes: tuple[HeaderFix, ...]
    altered: tuple[HeaderFix, ...]
    passed_over: tuple[str, ...]
    environment: bool
    cudnn: str | None
    cross: Program | Missing | None = None
