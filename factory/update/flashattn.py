"""Proposals for new releases of flash-attn."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.version import Version

from factory.matrix.model import Matrix
from factory.update.listing import IndexFile, news, sdists
from factory.update.proposal import CHECK, Lines, Proposal

PROJECT = "flash-attn"


def proposals(matrix: Matrix, files: Iterable[IndexFile]) -> tuple[Proposal, ...]:
    """Return a proposal for each release that the package index lists in ``files`` and ``matrix`` lacks."""
    listed = sdists(files, PROJECT)
    return tuple(_proposal(matrix, version, listed[version]) for version in news(listed, _known(matrix)))


def _known(matrix: Matrix) -> list[Version]:
    return [Version(version) for version in matrix.flash_attn]


def _proposal(matrix: Matrix, version: Version, file: IndexFile) -> Proposal:
    hashed = f"its sha256 there is `{file.sha256}`" if file.sha256 else "the index gives no sha256 of it"
    return Proposal(
        subject=PROJECT,
        version=str(version),
        title=f"flash-attn {version} is published",
        found=(f"`{file.name}` on the package index, neither yanked nor a pre-release; {hashed}.",),
        lines=(Lines(place="matrix.yaml, under `flash_attn`", text=_row(version, file)), *_choices(matrix, version)),
        checks=_checks(file),
    )


def _row(version: Version, file: IndexFile) -> str:
    return (
        f"  {version}:\n"
        f"    sha256: {file.sha256 or CHECK}\n"
        f"    torch: {CHECK}  # the series it can be built for: [2.7, 2.8]\n"
        f"    leave_out: {CHECK}  # [flash_attn/cute] if the sdist has that directory, else [] \n"
    ).replace(" \n", "\n")


def _choices(matrix: Matrix, version: Version) -> list[Lines]:
    """Return the line of the torch series that the release before it is built for."""
    before = str(max((one for one in _known(matrix) if one < version), default=""))
    served = [series for series, choice in matrix.choices.items() if before in choice.flash_attn]
    place = f"matrix.yaml, under `wheels`, in place of {before} for torch {', '.join(served)}"
    return [Lines(place=place, text=f"    flash_attn: [{version}]\n")] if served else []


def _checks(file: IndexFile) -> tuple[str, ...]:
    return (
        *([] if file.sha256 else [f"The sha256 of `{file.name}`."]),
        "`torch`: which series it builds for and works with; `nox -s build` and `nox -s gpu_test` of each say it.",
        "`leave_out`: whether the sdist still packs the old `flash_attn/cute`, which breaks flash-attn-4.",
        "Its `setup.py`: the C++ standard and the FLASHATTENTION_DISABLE_ switches are read where a build starts.",
    )
