"""Proposals for images that have moved, and for images of newer CUDA releases."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from packaging.version import Version

from factory.matrix.imagename import ImageName
from factory.matrix.model import Matrix, Toolkit
from factory.update.proposal import CHECK, Lines, Proposal
from factory.versions import cuda_major


@dataclass(frozen=True, kw_only=True)
class Family:
    """The images of one repository whose tags differ in their CUDA release alone; ``newest`` is one of them."""

    newest: ImageName
    toolkit: Toolkit
    pattern: str

    def newer(self, tags: Iterable[str], known: Iterable[str]) -> dict[str, ImageName]:
        """Return the images that ``tags`` name for CUDA releases newer than all those ``known``, by CUDA."""
        last = max(map(Version, known))
        found = {match[1]: tag for tag in tags if (match := re.fullmatch(self.pattern, tag, re.ASCII))}
        newer = (cuda for cuda in found if Version(cuda) > last)
        return {cuda: replace(self.newest, tag=found[cuda]) for cuda in sorted(newer, key=Version)}


def tagged(matrix: Matrix) -> dict[str, ImageName]:
    """Return, by CUDA, the images that a registry serves under a tag."""
    rows = ((row.version, ImageName.parse(row.image.name)) for row in matrix.toolkits.values() if row.image)
    return {cuda: name for cuda, name in rows if not name.local and name.digest is None}


def families(matrix: Matrix) -> tuple[Family, ...]:
    """Return the families among them; a tag that does not say its CUDA belongs to none."""
    found = {}
    for cuda, name in sorted(tagged(matrix).items(), key=lambda item: Version(item[0])):
        before, said, after = (name.tag or "").partition(cuda)
        if said:
            pattern = rf"{re.escape(before)}(\d+\.\d+){re.escape(after)}"
            row = matrix.toolkits[cuda]
            found[name.registry, name.repository, pattern] = Family(newest=name, toolkit=row, pattern=pattern)
    return tuple(found.values())


def moved(matrix: Matrix, digests: Mapping[str, str]) -> tuple[Proposal, ...]:
    """Return a proposal to pin, together, what is not pinned or has moved; none where nothing has.

    ``digests`` (``sha256:...``) are the tags' own, by CUDA.
    """
    changed = {cuda: digest for cuda, digest in digests.items() if _pinned(matrix, cuda) != digest}
    if not changed:
        return ()
    text = "\n".join(f"{tagged(matrix)[cuda]} {digest}" for cuda, digest in sorted(changed.items()))
    proposal = Proposal(
        subject="image digests",
        version=hashlib.sha256(text.encode()).hexdigest()[:16],
        title=_title(matrix, changed),
        found=tuple(_said(matrix, cuda, digest) for cuda, digest in changed.items()),
        lines=tuple(
            Lines(place=f"matrix.yaml, under `cuda`, `{cuda}`, `image`", text=f"      digest: {digest}\n")
            for cuda, digest in changed.items()
        ),
        checks=(
            "`nox -s pin` writes the digests that the tags have by then, all at once.",
            "That a wheel builds in each: `nox -s build -- cu130 --profile smoke`, and so on.",
        ),
        alone=True,
    )
    return (proposal,)


def newer(matrix: Matrix, cuda: str, family: Family, name: ImageName, digest: str | None) -> Proposal:
    """Return a proposal for the row of a CUDA release that ``matrix`` lacks and that the image ``name`` is for."""
    return Proposal(
        subject="CUDA",
        version=cuda,
        title=f"There is a builder image for CUDA {cuda}",
        found=(
            f"The tag `{name.tag}` of `{name.registry}/{name.repository}`"
            + (f", whose digest is `{digest}`." if digest else "; its digest could not be had."),
        ),
        lines=(Lines(place="matrix.yaml, under `cuda`", text=_row(matrix, cuda, family, name, digest)),),
        checks=_checks(cuda),
    )


def _pinned(matrix: Matrix, cuda: str) -> str | None:
    image = matrix.toolkits[cuda].image
    return image.digest if image else None


def _title(matrix: Matrix, changed: Mapping[str, str]) -> str:
    cudas = ", ".join(changed)
    moved = any(_pinned(matrix, cuda) for cuda in changed)
    return f"Builder images {'have moved' if moved else 'can be pinned'}: CUDA {cudas}"


def _said(matrix: Matrix, cuda: str, digest: str) -> str:
    before = _pinned(matrix, cuda)
    pinned = f"pinned is `{before}`" if before else "it is not pinned"
    return f"`{tagged(matrix)[cuda]}` is `{digest}` now; {pinned}."


def _row(matrix: Matrix, cuda: str, family: Family, name: ImageName, digest: str | None) -> str:
    image = family.toolkit.image
    compression = f"    compression: {family.toolkit.compression}\n" if family.toolkit.compression else ""
    promise = image.promise.removeprefix("manylinux_").replace("_", ".") if image else CHECK
    return (
        f"  {cuda}:\n"
        f"    targets: {CHECK}\n"
        f"    newest_gcc: {CHECK}\n"
        f"    minimum_driver: {_driver(matrix, cuda)}\n"
        f"{compression}"
        f"    archs: {CHECK}\n"
        f"{_kernels(cuda, family)}"
        f"    front_end: {{}}\n"
        f"    image:\n"
        f"      name: {name}\n"
        f"      digest: {digest or 'null'}\n"
        f"      manylinux: {promise}\n"
    )


def _kernels(cuda: str, family: Family) -> str:
    """Return the line that has the kernels compiled as those of the release before in the same major are."""
    before = family.toolkit
    if before.major != cuda_major(cuda) or before.kernels == (before.version,):
        return ""
    return f"    kernels: [{', '.join(before.kernels)}]\n"


def _driver(matrix: Matrix, cuda: str) -> str:
    """Return the driver of the CUDA major: minor releases of one major need the same."""
    drivers = {row.minimum_driver for row in matrix.toolkits.values() if row.major == cuda_major(cuda)}
    return str(drivers.pop()) if len(drivers) == 1 else CHECK


def _checks(cuda: str) -> tuple[str, ...]:
    return (
        "`targets`: what `ptxas --help` of that release lists under --gpu-name.",
        "`newest_gcc`: the newest that its `crt/host_config.h` takes.",
        "`minimum_driver`: NVIDIA's table of minor version compatibility, for the CUDA major.",
        "`archs`: upstream's own, as far as it makes them. `front_end` stays empty until `nox -s prove` has compared.",
        "`manylinux`: taken from the image of the same repository before it; the audit of a wheel built there says it.",
        f"factory/data/toolkits.yaml needs CUDA {cuda} too, for builds without containers.",
        "Which torch is built with it: the `builds` of each.",
    )
