"""The values the factory passes around: frozen, made once at the door, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from factory.matrix.arch import Arch
from factory.matrix.imagename import ImageName
from factory.platforms import usual
from factory.versions import abi_word, cuda_major, cuda_token, python_tag

FULL = "full"
"""The profile with all of upstream's features: built when none is named, and not named in a wheel's name."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A named list of upstream's ``FLASHATTENTION_DISABLE_*`` switches (without that prefix)."""

    name: str
    disable: tuple[str, ...]
    summary: str


@dataclass(frozen=True, kw_only=True)
class Image:
    """A container image with its tag, its digest (``sha256:...``, None where it is not pinned), and the promise
    made for wheels built in it: ``manylinux_2_28``.
    """

    name: str
    digest: str | None
    promise: str

    @property
    def reference(self) -> str:
        """Return what an engine is asked for: by digest where there is one, and then without the tag."""
        name = ImageName.parse(self.name)
        digest = self.digest or name.digest
        return f"{name.registry}/{name.repository}@{digest}" if digest else self.name

    @property
    def local(self) -> bool:
        """Whether it was made on this machine, and no registry has it."""
        return ImageName.parse(self.name).local

    @property
    def pinned(self) -> bool:
        """Whether it is the same image tomorrow: asked for by digest, or made here."""
        return self.local or "@" in self.reference


@dataclass(frozen=True, kw_only=True)
class Toolkit:
    """One CUDA release: what its compiler can make (facts) and what is built with it (choices).

    ``front_end`` maps a target to the capability whose single front-end pass also serves it.
    ``minimum_driver`` is the driver branch, ``525``; ``compression`` the mode in which ``fatbinary`` compresses machine
    code, None where it is not to. ``kernels`` are the releases, itself among them or not, whose compilers may make the
    kernels of its cells. ``images`` are those for other machines than the first, which ``image`` is for.
    """

    version: str
    targets: tuple[Arch, ...]
    newest_gcc: int
    archs: tuple[Arch, ...]
    kernels: tuple[str, ...]
    front_end: Mapping[Arch, Arch]
    minimum_driver: int
    image: Image | None
    compression: str | None = None
    images: Mapping[str, Image] = field(default_factory=dict)

    def image_of(self, machine: str) -> Image | None:
        """Return the image that wheels for ``machine`` are built in, None where there is none."""
        return self.image if machine == usual() else self.images.get(machine)

    @property
    def every_image(self) -> Mapping[str, Image]:
        """All its images by what machine they are for."""
        return ({usual(): self.image} if self.image else {}) | dict(self.images)

    @property
    def token(self) -> str:
        """``cu124`` of ``12.4``."""
        return cuda_token(self.version)

    @property
    def major(self) -> int:
        """``12`` of ``12.4``."""
        return cuda_major(self.version)


@dataclass(frozen=True, kw_only=True)
class TorchBuild:
    """One published build of a torch series: the CUDA it was made with, its ABI, its Pythons.

    ``machines`` are those it was published for. ``index_url`` is None where the package index everyone uses serves this
    very build.
    ``published`` says whether wheels for it may be published (one CUDA minor per major).
    """

    cuda: str
    cxx11abi: bool
    pythons: tuple[str, ...]
    machines: tuple[str, ...]
    index_url: str | None
    published: bool


@dataclass(frozen=True, kw_only=True)
class Torch:
    """One torch series, ``2.6``, and the exact release built against, ``2.6.0``.

    ``setuptools`` is the version specifier its extension builder wants.
    """

    series: str
    release: str
    cxx_standard: int
    setuptools: str
    builds: tuple[TorchBuild, ...]


@dataclass(frozen=True, kw_only=True)
class FlashAttn:
    """One flash-attn release. ``torch`` are the series it is built for without being asked by name;
    ``on_request`` those it can be built for. ``leave_out`` are paths of its sdist that must not be packed.
    """

    version: str
    sha256: str
    torch: tuple[str, ...]
    on_request: tuple[str, ...]
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, order=True)
class Cell:
    """One wheel to be."""

    flash_attn: str
    cuda: str
    torch: str
    python: str
    cxx11abi: bool
    profile: str
    archs: tuple[Arch, ...]
    machine: str

    @property
    def id(self) -> str:
        """Return the tokens a person types, in their order; ``factory.matrix.selector`` reads them back."""
        return (
            f"{cuda_token(self.cuda)} torch{self.torch} {python_tag(self.python)} "
            f"abi{abi_word(self.cxx11abi)} fa{self.flash_attn} {self.machine}"
        )


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is built for one torch series without being asked by name: the line of it under ``wheels``."""

    torch: str
    flash_attn: tuple[str, ...]
    cuda: tuple[str, ...]
    pythons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Cells left out on purpose; an empty axis stands for all of it."""

    reason: str
    flash_attn: tuple[str, ...]
    cuda: tuple[str, ...]
    torch: tuple[str, ...]
    python: tuple[str, ...]
    cxx11abi: tuple[bool, ...]
    machine: tuple[str, ...]

    @property
    def tokens(self) -> tuple[frozenset[str], ...]:
        """What asks for them, of each axis in the order of a cell's id."""
        return (
            frozenset(cuda_token(cuda) for cuda in self.cuda),
            frozenset(f"torch{series}" for series in self.torch),
            frozenset(python_tag(python) for python in self.python),
            frozenset(f"abi{abi_word(abi)}" for abi in self.cxx11abi),
            frozenset(f"fa{version}" for version in self.flash_attn),
            frozenset(self.machine),
        )


@dataclass(frozen=True, kw_only=True)
class Runners:
    """Labels of the machines the workflows run on; ``gpu`` is empty where there is none.

    Kernels are compiled on ``build``, for wheels of every machine; ``machines`` are where those of others are made.
    """

    build: tuple[str, ...]
    gpu: tuple[str, ...]
    machines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, machine: str) -> tuple[str, ...]:
        """Return where wheels for ``machine`` are made; nothing where that is nowhere."""
        return self.build if machine == usual() else self.machines.get(machine, ())

    @property
    def hosted(self) -> bool:
        """Whether builds run on GitHub's own machines: their labels begin so, and whoever names others has his own."""
        return all(label.startswith("ubuntu-") for labels in (self.build, *self.machines.values()) for label in labels)


class Representative(StrEnum):
    """Which Python of equal kernels is tried on a GPU; wheels of the others are only imported."""

    NEWEST = "newest"
    OLDEST = "oldest"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """All of ``matrix.yaml``, checked; mappings are by version or name, in the order of the file.

    ``choices`` are by torch series, ``cibuildwheel`` releases by Python. ``machine_archs`` are by machine what its
    wheels hold beside the list of their CUDA; those of ``chosen_machines`` are built without being asked for by name.
    ``machine_notes`` are by machine why a torch or CUDA may have no build for it here, ``cautions`` by Python what is
    to be said of wheels for it. ``max_jobs`` caps parallel compiles.
    ``unpinned_images`` are the words that accept images without a digest in workflows; empty where they are refused.
    No kernel is made for an architecture below ``oldest_arch``. Wheels of ``publish_profiles`` may be published.
    ``gpu_python`` says which Python of equal kernels is tried on a GPU.
    """

    flash_attn: Mapping[str, FlashAttn]
    torch: Mapping[str, Torch]
    toolkits: Mapping[str, Toolkit]
    profiles: Mapping[str, Profile]
    choices: Mapping[str, Choice]
    skips: tuple[Skip, ...]
    cautions: Mapping[str, str]
    machine_archs: Mapping[str, tuple[Arch, ...]]
    machine_notes: Mapping[str, str]
    chosen_machines: tuple[str, ...]
    cibuildwheel: Mapping[str, str]
    runners: Runners
    gpu_python: Representative
    max_jobs: int
    unpinned_images: str
    oldest_arch: Arch
    publish_profiles: tuple[str, ...]

    def archs_of(self, cuda: str, machine: str) -> tuple[Arch, ...]:
        """Return what wheels of ``cuda`` hold on ``machine`` where nobody asked for other architectures."""
        toolkit = self.toolkits[cuda]
        own = (arch for arch in self.machine_archs[machine] if arch.real in toolkit.targets)
        return tuple(sorted({*toolkit.archs, *own}))

    def makers(self, cuda: str) -> tuple[Toolkit, ...]:
        """Return the toolkits that may compile the kernels of cells for ``cuda``, the preferred one first."""
        return tuple(self.toolkits[version] for version in self.toolkits[cuda].kernels)

    def build_of(self, cell: Cell) -> TorchBuild:
        """Return the torch build that ``cell``, one of this matrix, is made with."""
        builds = self.torch[cell.torch].builds
        return next(build for build in builds if (build.cuda, build.cxx11abi) == (cell.cuda, cell.cxx11abi))


class State(StrEnum):
    """What the plan does with a cell."""

    BUILD = "build"
    ON_REQUEST = "on request"
    SKIPPED = "skipped"
    PUBLISHED = "published"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A cell that exists, what the plan does with it, and why."""

    cell: Cell
    state: State
    reason: str
