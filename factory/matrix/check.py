"""What the parts of ``matrix.yaml`` must say of each other: names that exist, choices the facts allow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from factory.matrix.arch import Arch
from factory.matrix.cells import too_old
from factory.matrix.document import Complaint, Path
from factory.matrix.model import FULL
from factory.matrix.schema import BuildRow, CompressionSinceRow, CudaRow, MatrixFile, SkipRow, TorchRow, WheelsRow
from factory.matrix.suggest import hint, offered
from factory.versions import abi_word, cuda_major, version_key

Known = Mapping[str, Collection[str]]
"""The keys the file has under each of its top-level keys, those with mistakes in them included."""


def mismatches(file: MatrixFile, known: Known) -> Iterator[Complaint]:
    """Yield a complaint of everything in ``file`` that contradicts another part of it."""
    yield from _too_old(("archs",), file.archs or (), file.oldest_arch)
    for version, cuda in file.cuda.items():
        yield from _cuda(("cuda", version), version, cuda, file.oldest_arch)
        yield from _compression(("cuda", version, "compression"), version, cuda, file.compression_since)
        unknown = list(_names(("cuda", version, "kernels"), cuda.kernels, "cuda", known))
        yield from unknown or _makers(("cuda", version), version, cuda, file)
    for series, torch in file.torch.items():
        yield from _torch(("torch", series), series, torch, file, known)
    for version, release in file.flash_attn.items():
        yield from _names(("flash_attn", version, "torch"), release.torch, "torch", known)
    for series, row in file.wheels.items():
        yield from _wheels(("wheels", series), series, row, file, known)
    for index, skip in enumerate(file.skip):
        yield from _skip(("skip", index), skip, known)
    for name, machine in file.platform.items():
        yield from _too_old(("platform", name, "archs"), machine.archs, file.oldest_arch)
    yield from _names(("machines",), file.machines, "platform", known)
    yield from _names(("publish", "profiles"), file.publish.profiles, "profiles", known)
    if FULL not in known["profiles"]:
        yield Complaint(("profiles",), "has no profile full, the one that is built when none is named")
    if FULL in file.profiles and file.profiles[FULL].disable:
        whole = "wheels of full have no profile in their name and stand for all that upstream has"
        yield Complaint(("profiles", FULL, "disable"), f"must be []: {whole}")


def pythons_of(file: MatrixFile, series: str) -> tuple[str, ...]:
    """Return the Pythons that the torch ``series``, such as ``2.6``, was published for, in the order of the file."""
    return tuple(
        python
        for python, row in file.python.items()
        if version_key(row.first_torch) <= version_key(series) <= version_key(row.last_torch)
    )


def _cuda(path: Path, version: str, cuda: CudaRow, oldest: Arch) -> Iterator[Complaint]:
    yield from _too_old((*path, "archs"), cuda.archs, oldest)
    for index, arch in enumerate(cuda.archs):
        if not too_old([arch], oldest):
            yield from _target((*path, "archs", index), arch, version, cuda, oldest)
    served: dict[Arch, Arch] = {}
    for first, targets in cuda.front_end.items():
        key = (*path, "front_end", str(first))
        if message := too_old([first], oldest):
            yield Complaint(key, message)
        for arch in (first, *targets):
            yield from _target(key, arch, version, cuda, oldest)
        for arch in targets:
            if not first.serves(arch):
                yield Complaint(key, f"nothing for {arch} can be made of the PTX of {first}")
            if served.setdefault(arch, first) != first:
                yield Complaint(key, f"{arch} already belongs to {served[arch]}")


def _compression(path: Path, version: str, cuda: CudaRow, since: CompressionSinceRow) -> Iterator[Complaint]:
    if cuda.compression is None:
        return
    if version_key(version) < version_key(since.cuda):
        yield Complaint(
            path, f"fatbinary has no such mode before CUDA {since.cuda} (compression_since); take the line away"
        )
    if cuda.minimum_driver < since.driver:
        yield Complaint(
            path,
            f"a driver of {cuda.minimum_driver}, which is promised, cannot read it; take the line away, or promise "
            f"{since.driver} (compression_since): cuda.{version}.minimum_driver",
        )


def _makers(path: Path, version: str, cuda: CudaRow, file: MatrixFile) -> Iterator[Complaint]:
    """Hold the toolkits named for the kernels to what drivers promise: machine code of a major that is not newer.

    Source: NVIDIA's "CUDA Compatibility", minor version compatibility.
    """
    makers = {maker: file.cuda[maker] for maker in cuda.kernels if maker in file.cuda}
    older = [one for one in file.cuda if _serves(one, version)]
    for index, (maker, row) in enumerate(makers.items()):
        wrong = ""
        if cuda_major(maker) != cuda_major(version):
            wrong = f"CUDA {maker} is of another major"
        elif version_key(maker) > version_key(version):
            wrong = f"CUDA {maker} is newer"
        elif row.minimum_driver > cuda.minimum_driver:
            wrong = f"CUDA {maker} needs driver {row.minimum_driver}, and CUDA {version} promises {cuda.minimum_driver}"
        if wrong:
            yield Complaint(
                (*path, "kernels", index), f"{wrong}; the kernels of CUDA {version} can be of {', '.join(older)}"
            )
    archs = cuda.archs if file.archs is None else ()  # one list for all is held to each CUDA that is built with
    if makers and not any({arch.real for arch in archs}.issubset(row.targets) for row in makers.values()):
        lacking = ", ".join(str(arch) for arch in archs if arch.real not in list(makers.values())[-1].targets)
        fit = [one for one in older if {arch.real for arch in archs}.issubset(file.cuda[one].targets)]
        remedy = f"write kernels: {fit[0]}" if fit else "no CUDA of this matrix does"
        yield Complaint((*path, "kernels"), f"CUDA {list(makers)[-1]} cannot make {lacking} of archs; {remedy}")


def _serves(maker: str, version: str) -> bool:
    return cuda_major(maker) == cuda_major(version) and version_key(maker) <= version_key(version)


def _too_old(path: Path, archs: Collection[Arch], oldest: Arch) -> Iterator[Complaint]:
    for index, arch in enumerate(archs):
        if message := too_old([arch], oldest):
            yield Complaint((*path, index), message)


def _target(path: Path, arch: Arch, version: str, cuda: CudaRow, oldest: Arch) -> Iterator[Complaint]:
    if arch.real not in cuda.targets:
        fit = [str(target) for target in cuda.targets if target >= oldest]
        yield Complaint(path, f"CUDA {version} cannot make {arch}; it makes {', '.join(fit)}{hint(str(arch), fit)}")


def _torch(path: Path, series: str, torch: TorchRow, file: MatrixFile, known: Known) -> Iterator[Complaint]:
    if not torch.release.startswith(f"{series}."):
        yield Complaint((*path, "release"), f"{torch.release} is not a release of torch {series}")
    for cuda, build in torch.builds.items():
        yield from _names((*path, "builds", cuda), [cuda], "cuda", known, numbered=False)
        yield from _abi((*path, "builds", cuda, "abi"), series, build, file.abi_true_since)
        yield from _names((*path, "builds", cuda, "platform"), build.platform, "platform", known)


def _abi(path: Path, series: str, build: BuildRow, since: str) -> Iterator[Complaint]:
    if not build.abi and version_key(series) >= version_key(since):
        yield Complaint(path, f"must be TRUE: every official torch from {since} on has the C++11 ABI (abi_true_since)")


def _wheels(path: Path, series: str, row: WheelsRow, file: MatrixFile, known: Known) -> Iterator[Complaint]:
    yield from _names(path, [series], "torch", known, numbered=False)
    yield from _names((*path, "flash_attn"), row.flash_attn, "flash_attn", known)
    yield from _wheels_flash_attn((*path, "flash_attn"), series, row, file)
    torch = file.torch.get(series)
    if torch is None:
        return
    for cuda, abi in row.cuda.items():
        unknown = list(_names((*path, "cuda", cuda), [cuda], "cuda", known, numbered=False))
        yield from unknown or _wheels_cuda((*path, "cuda", cuda), series, cuda, torch, abi=abi)
    yield from _wheels_python((*path, "python"), series, row, file)


def _wheels_flash_attn(path: Path, series: str, row: WheelsRow, file: MatrixFile) -> Iterator[Complaint]:
    for index, version in enumerate(row.flash_attn):
        release = file.flash_attn.get(version)
        if release is not None and series not in release.torch:
            message = (
                f"{version} is built for torch {', '.join(release.torch)}; not {series} (flash_attn.{version}.torch)"
            )
            yield Complaint((*path, index), message)


def _wheels_cuda(path: Path, series: str, cuda: str, torch: TorchRow, *, abi: bool) -> Iterator[Complaint]:
    build = torch.builds.get(cuda)
    if build is None:
        published = ", ".join(torch.builds)
        yield Complaint(path, f"torch {series} was published for CUDA {published}; not {cuda} (torch.{series}.builds)")
    elif build.abi != abi:
        has, wants = abi_word(build.abi), abi_word(abi)
        yield Complaint(path, f"torch {series} for CUDA {cuda} has cxx11abi{has}; there is no cxx11abi{wants} of it")


def _wheels_python(path: Path, series: str, row: WheelsRow, file: MatrixFile) -> Iterator[Complaint]:
    published = pythons_of(file, series)
    for index, python in enumerate(row.python):
        if python not in published:
            fit = ", ".join(published)
            yield Complaint((*path, index), f"torch {series} was never published for Python {python}; it was for {fit}")


def _skip(path: Path, skip: SkipRow, known: Known) -> Iterator[Complaint]:
    axes = {
        "flash_attn": skip.flash_attn,
        "cuda": skip.cuda,
        "torch": skip.torch,
        "python": skip.python,
        "platform": skip.platform,
    }
    if not any(axes.values()) and not skip.abi:
        yield Complaint(path, f"would skip every cell; name at least one of {', '.join(axes)}, abi")
    for axis, names in axes.items():
        yield from _names((*path, axis), names, axis, known)


def _names(
    path: Path, names: Collection[str], kind: str, known: Known, *, numbered: bool = True
) -> Iterator[Complaint]:
    titles = {"flash_attn": "flash-attn", "cuda": "CUDA", "python": "Python", "profiles": "profile"}
    for index, name in enumerate(names):
        if name not in known[kind]:
            where = (*path, index) if numbered else path
            yield Complaint(where, f"unknown {titles.get(kind, kind)} {name}; {offered(name, known[kind])}")
