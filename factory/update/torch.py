"""Proposals for new releases of torch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.version import Version

from factory.matrix.model import Matrix, Torch
from factory.update.listing import TorchFile, in_order, news, series_of
from factory.update.metadata import Needs
from factory.update.proposal import CHECK, Lines, Proposal
from factory.versions import python_key

PROJECT = "torch"

_HEADERS = (
    "`at::PhiloxCudaState` and `c10_cuda_check_implementation` in its headers: `nox -s build -- torch{series} "
    "--profile smoke` refuses a torch where kernels would lose something of them; its audit names the function where "
    "factory/data/torch_symbols.toml lacks it."
)


@dataclass(frozen=True, kw_only=True)
class TorchRelease:
    """A release on the default index: its wheels for Linux on x86_64, one a Python, and what one of them says.

    ``needs`` is that of the wheel named ``read``; None where it could not be had. ``elsewhere`` are the addresses
    of other indexes that list the release, ``silent`` those that could not be asked.
    """

    version: Version
    pythons: tuple[str, ...]
    read: str
    needs: Needs | None
    elsewhere: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def series(self) -> str:
        """``2.16``."""
        return series_of(self.version)

    @property
    def cuda(self) -> str | None:
        """The CUDA of the default build."""
        return self.needs.cuda if self.needs else None


def new_versions(matrix: Matrix, files: Collection[TorchFile]) -> tuple[Version, ...]:
    """Return the versions that the package index lists in ``files`` and ``matrix`` lacks."""
    return news({file.version for file in files}, [Version(torch.release) for torch in matrix.torch.values()])


def pythons_of(version: Version, files: Iterable[TorchFile]) -> dict[str, TorchFile]:
    """Return the wheels of a release by Python, in order; free-threaded ones (``3.14t``) come last."""
    found = {file.python: file for file in files if file.version == version}
    return {name: found[name] for name in sorted(found, key=lambda name: (name[-1] == "t", python_key(name)))}


def most_telling(matrix: Matrix, found: Mapping[str, TorchFile]) -> TorchFile:
    """Return, of a release's wheels by Python, the one to read: of the newest Python that ``matrix`` has, if any."""
    handled = _handled(matrix, found)
    return found[handled[-1] if handled else next(iter(found))]


def is_known(matrix: Matrix, version: Version) -> bool:
    """Return whether it is a patch release of a series that ``matrix`` has."""
    return series_of(version) in matrix.torch


def other_indexes(matrix: Matrix) -> dict[str, str]:
    """Return the addresses of the indexes that ``matrix`` names beside the default one, with the CUDA each has."""
    builds = (build for torch in matrix.torch.values() for build in torch.builds)
    return {build.index_url: build.cuda for build in builds if build.index_url}


def proposal(matrix: Matrix, release: TorchRelease) -> Proposal:
    """Return a proposal of the lines for a release that is new."""
    known = matrix.torch.get(release.series)
    lines = _patch(release) if known else _series(matrix, release)
    return Proposal(
        subject=PROJECT,
        version=str(release.version),
        title=f"torch {release.version} is published",
        found=_found(release),
        lines=lines,
        checks=_patch_checks(known, release) if known else _series_checks(matrix, release),
    )


def _found(release: TorchRelease) -> tuple[str, ...]:
    told = release.needs
    lines = [f"Wheels for Linux on x86_64 on the package index for Python {', '.join(release.pythons)}; none yanked."]
    if told is None:
        return (*lines, f"The metadata of `{release.read}` could not be had.")
    cuda = f"asks for `{told.asked_cuda}`, so it is built for CUDA {told.cuda}" if told.cuda else "names no one CUDA"
    setuptools = {None: "no setuptools", "": "any setuptools"}.get(told.setuptools, f"setuptools`{told.setuptools}`")
    python = f"and Python`{told.requires_python}`" if told.requires_python else "and says nothing of Python"
    lines.append(f"The metadata of `{release.read}` {cuda}; it asks for {setuptools} {python}.")
    lines += [f"{address} lists it too." for address in release.elsewhere]
    return tuple(lines)


def _patch(release: TorchRelease) -> tuple[Lines, ...]:
    place = f"matrix.yaml, under `torch`, `{release.series}`, in place of its `release` line"
    return (Lines(place=place, text=f"    release: {release.version}\n"),)


def _patch_checks(known: Torch, release: TorchRelease) -> tuple[str, ...]:
    default = next((build for build in known.builds if build.index_url is None), None)
    changed = []
    if default and release.cuda and release.cuda != default.cuda:
        changed.append(f"Its default build is for CUDA {release.cuda}; that of {known.release} is for {default.cuda}.")
    handled = {python for build in known.builds for python in build.pythons}
    if missing := sorted(handled - set(release.pythons), key=python_key):
        changed.append(f"It has no wheel for Python {', '.join(missing)}, which `python` in matrix.yaml promises.")
    return (
        *changed,
        "That its headers still fit the kernels: each build checks it and says so.",
        "Its lock file: `nox -s lock`.",
    )


def _series(matrix: Matrix, release: TorchRelease) -> tuple[Lines, ...]:
    newest = max(matrix.flash_attn.values(), key=lambda row: Version(row.version))
    handled = _handled(matrix, release.pythons)
    return (
        Lines(place="matrix.yaml, under `torch`", text=_row(matrix, release)),
        Lines(place="matrix.yaml, under `wheels`", text=_choice(release, newest.version, handled)),
        Lines(
            place=f"matrix.yaml, under `flash_attn`, `{newest.version}`, in place of its `torch` line",
            text=f"    torch: [{', '.join(in_order({*newest.torch, *newest.on_request, release.series}))}]\n",
        ),
        Lines(place="matrix.yaml, under `python`, in place of these lines", text=_pythons(matrix, release, handled)),
    )


def _row(matrix: Matrix, release: TorchRelease) -> str:
    setuptools = release.needs.setuptools if release.needs else None
    builds = _builds(matrix, release)
    rows = "".join(f"      {cuda}: {{abi: {CHECK}, index: {builds[cuda]}}}\n" for cuda in in_order(builds))
    return (
        f"  {release.series}:\n"
        f"    release: {release.version}\n"
        f"    cxx_standard: {CHECK}\n"
        f"    setuptools: {_quoted(setuptools) if setuptools else CHECK}\n"
        f"    builds:{'' if rows else f' {CHECK}'}\n{rows}"
    )


def _handled(matrix: Matrix, pythons: Iterable[str]) -> list[str]:
    """Return those that wheels are built for by default: ``matrix`` knows them, without a caution."""
    return [python for python in pythons if python in matrix.cibuildwheel and python not in matrix.cautions]


def _builds(matrix: Matrix, release: TorchRelease) -> Mapping[str, str]:
    cudas = other_indexes(matrix)
    default = {release.cuda: "default"} if release.cuda else {}
    return {**{cudas[address]: address for address in release.elsewhere}, **default}


def _choice(release: TorchRelease, flash_attn: str, handled: Collection[str]) -> str:
    cuda = f"{{{release.cuda}: {CHECK}}}" if release.cuda else CHECK
    return (
        f"  {release.series}:\n"
        f"    flash_attn: [{flash_attn}]\n"
        f"    cuda: {cuda}  # true or false, as `abi` under `torch`\n"
        f"    python: [{', '.join(handled)}]\n"
    )


def _pythons(matrix: Matrix, release: TorchRelease, handled: Iterable[str]) -> str:
    return "".join(
        f"  {python}: {{first_torch: {_first(matrix, python, release)}, last_torch: {release.series}, "
        f"cibuildwheel: {matrix.cibuildwheel[python]}}}\n"
        for python in handled
    )


def _first(matrix: Matrix, python: str, release: TorchRelease) -> str:
    served = [one.series for one in matrix.torch.values() if any(python in build.pythons for build in one.builds)]
    return min(served, key=Version, default=release.series)


def _series_checks(matrix: Matrix, release: TorchRelease) -> tuple[str, ...]:
    return (
        _HEADERS.format(series=release.series),
        "`cxx_standard`: the `#error` in its headers, if they have one, names the oldest C++.",
        f"`abi`: with torch {release.version}, `python -c 'import torch; print(torch._C._GLIBCXX_USE_CXX11_ABI)'`.",
        *_build_checks(matrix, release),
        "That the flash-attn named builds for it and works: `nox -s build` and `nox -s gpu_test`.",
        "Its lock file: `nox -s lock`.",
    )


def _build_checks(matrix: Matrix, release: TorchRelease) -> Iterator[str]:
    if release.cuda is None:
        yield "The CUDA of the default build: `python -c 'import torch; print(torch.version.cuda)'`."
    elif release.cuda not in matrix.toolkits:
        yield f"CUDA {release.cuda} has no row under `cuda` yet."
    yield "`builds`: for other CUDA releases there may be some on indexes that matrix.yaml does not name."
    if release.silent:
        yield f"`builds`: not reached now: {', '.join(release.silent)}."
    handled = _handled(matrix, release.pythons)
    if unhandled := [python for python in release.pythons if python not in handled]:
        yield f"Left out, for `python` in matrix.yaml has no row for it, or a caution: Python {', '.join(unhandled)}."


def _quoted(specifier: str) -> str:
    return f'"{specifier}"'
