"""Which wheels may be published: those of the matrix, audited and tried as the very files they are now.

One wheel is tried on a GPU for several that hold the same kernels. So what that one came to holds for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from factory.audit.report import Report
from factory.gpu_test.verdict import Verdict
from factory.matrix import cells, wheelname
from factory.matrix.checksymbol import check_symbol
from factory.matrix.kernelset import KernelSetId, need_of
from factory.matrix.model import Cell, FlashAttn, Matrix, Planned, Representative, State
from factory.matrix.representatives import divide, kin
from factory.versions import numbers, version_key
from factory.wheel import cyclonedx
from factory.wheel.cyclonedx import Part
from factory.wheel.facts import Expected

Installed = Callable[[FlashAttn], Mapping[str, str]]
"""Gives the sha256, by path, of the files that a release installs."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A wheel to publish, and what was found beside it; None where nothing was.

    ``read`` is what the audit finds in the file now, held to its cell; None where the matrix has no such wheel.
    ``parts`` are what it says it is made of.
    """

    filename: str
    size: int
    sha256: str
    read: Report | None
    report: Report | None
    verdict: Verdict | None
    parts: tuple[Part, ...]

    @property
    def failed(self) -> bool:
        """Whether a GPU has tried this very file and found it wrong."""
        return self.verdict is not None and self.verdict.bound_to(self.sha256) and not self.verdict.ok


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A wheel and every reason against it; none where it may be published."""

    candidate: Candidate
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether it may be published and was tried on a GPU itself."""
        return not self.reasons and self.candidate.verdict is not None


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What the matrix lets through: its cells by the names of their wheels, and those that must have a verdict.

    ``kernels`` says which kernels the wheel of each cell holds, ``releases`` the flash-attn that they are of.
    """

    cells: Mapping[str, Cell]
    tried: frozenset[Cell]
    profiles: tuple[str, ...]
    kernels: Mapping[Cell, KernelSetId]
    releases: Mapping[str, FlashAttn]

    @classmethod
    def of(cls, matrix: Matrix) -> Gate:
        """Return what ``matrix`` lets through. Without a GPU runner no wheel needs a verdict."""
        published = [planned for profile in matrix.publish_profiles for planned in _published(matrix, profile)]
        return cls(
            cells={wheelname.wheel_filename(planned.cell): planned.cell for planned in published},
            tried=_tried(published, matrix.gpu_python) if matrix.runners.gpu else frozenset(),
            profiles=matrix.publish_profiles,
            kernels={planned.cell: need_of(planned.cell, matrix) for planned in published},
            releases=matrix.flash_attn,
        )

    def expected(self, filename: str, report: Report | None, installed: Installed) -> Expected | None:
        """Say what the wheel of that name is held to: its cell, and the platform that its ``report`` promises.

        None where the matrix has no such wheel.
        """
        cell = self.cells.get(filename)
        if cell is None:
            return None
        return Expected.of_cell(
            cell,
            check_symbol=check_symbol(cell.torch),
            manylinux=_told(report, "manylinux"),
            installed=installed(self.releases[cell.flash_attn]),
        )

    def judge(self, candidates: Sequence[Candidate], *, refused: Collection[str] = ()) -> tuple[Judged, ...]:
        """Return every wheel, in order, with every reason against it.

        ``refused`` are the names of those that may not go for reasons found elsewhere: they stand for no other.
        """
        names = [candidate.filename for candidate in candidates]
        alone = [
            Judged(candidate=one, reasons=tuple(self._against(one, twice=names.count(one.filename) > 1)))
            for one in candidates
        ]
        sound = {self.cells[one.candidate.filename] for one in alone if one.passed} if self.tried else set()
        sound -= {self.cells[name] for name in refused if name in self.cells}
        failed = {self.kernels[self.cells[one.filename]].kin: one for one in candidates if self._has_failed(one)}
        there = {self.cells[name] for name in names if name in self.cells}
        return tuple(
            replace(one, reasons=(*one.reasons, *self._of_kernels(one.candidate, failed, sound=sound, there=there)))
            for one in alone
        )

    def _has_failed(self, candidate: Candidate) -> bool:
        return candidate.failed and candidate.filename in self.cells

    def _against(self, candidate: Candidate, *, twice: bool) -> Iterator[str]:
        if twice:
            yield "given more than once"
        yield from self._of_name(candidate)
        yield from _of_report(candidate)
        yield from _of_file(candidate)
        yield from self._of_verdict(candidate)

    def _of_name(self, candidate: Candidate) -> Iterator[str]:
        try:
            name = wheelname.parse(candidate.filename)
        except ValueError as error:
            yield str(error)
            return
        if name.filename != candidate.filename:
            yield f"must be named {name.filename}"
        elif name.profile not in self.profiles:
            yield f"is of profile {name.profile}; the matrix publishes {', '.join(self.profiles)}"
        elif candidate.filename not in self.cells:
            yield "the matrix has no such wheel to publish"
        else:
            cell = self.cells[candidate.filename]
            yield from _of_cell(candidate, cell)
            yield from self._of_parts(candidate, cell)

    def _of_parts(self, candidate: Candidate, cell: Cell) -> Iterator[str]:
        """Hold what a wheel says it is made of to its cell; the CUTLASS is its source's."""
        release, said = self.releases[cell.flash_attn], [part for part in candidate.parts if part["name"] != "CUTLASS"]
        cudas = dict.fromkeys((self.kernels[cell].cuda, cell.cuda))
        wanted = [cyclonedx.flash_attn(release.version, release.sha256), *map(cyclonedx.cuda, cudas)]
        torches = [
            part for part in said if part["name"] == "torch" and numbers(part["version"])[:2] == version_key(cell.torch)
        ]
        for part in (part for part in said if part not in [*wanted, *torches[:1]]):
            yield f"its bill of materials has {part['name']} {part['version']}, which it is not made of"
        for part in (part for part in wanted if part not in said):
            yield f"its bill of materials lacks {part['name']} {part['version']}"
        if not torches:
            yield f"its bill of materials lacks torch {cell.torch}"

    def _of_verdict(self, candidate: Candidate) -> Iterator[str]:
        verdict = candidate.verdict
        if verdict is None:
            if self.cells.get(candidate.filename) in self.tried:
                yield "has no verdict of a GPU test, and the matrix names a GPU runner"
            return
        if not verdict.bound_to(candidate.sha256):
            yield f"its verdict is of another file, sha256 {verdict.sha256}"
        if verdict.wheel != candidate.filename:
            yield f"its verdict is of {verdict.wheel}"
        if not verdict.ok:
            yield f"did not pass the GPU test: {verdict.complaints[0]}"

    def _of_kernels(
        self, candidate: Candidate, failed: Mapping[KernelSetId, Candidate], *, sound: set[Cell], there: set[Cell]
    ) -> Iterator[str]:
        """Hold a wheel to what trying its kernels in others came to."""
        cell = self.cells.get(candidate.filename)
        if cell is None:
            return
        wrong = failed.get(self.kernels[cell].kin)
        if wrong is not None and not candidate.failed:
            yield f"its kernels did not pass the GPU test in {wrong.filename}"
        if not self.tried or cell in self.tried or candidate.verdict is not None:
            return
        alike = {one for one in self.kernels if kin(one) == kin(cell)}
        named = alike & self.tried
        if not sound & ((named & there) or alike):
            names = ", ".join(sorted(map(wheelname.wheel_filename, named)))
            said = "has not passed one" if named & there else "is not given"
            yield f"its kernels passed no GPU test: {names} stands for them and {said}"


def lines(judged: Sequence[Judged]) -> tuple[str, ...]:
    """Return every reason against every wheel, a line each; none where all may be published."""
    return tuple(dict.fromkeys(f"{one.candidate.filename}: {reason}" for one in judged for reason in one.reasons))


def _of_report(candidate: Candidate) -> Iterator[str]:
    report = candidate.report
    if report is None:
        yield "has no audit report"
        return
    if report.sha256 != candidate.sha256 or report.size != candidate.size:
        yield f"its audit report is of another file, sha256 {report.sha256}"
    if report.wheel != candidate.filename:
        yield f"its audit report is of {report.wheel}"
    if not report.ok:
        yield f"did not pass the audit: {report.findings[0]}"


def _of_file(candidate: Candidate) -> Iterator[str]:
    """Hold the file to its cell, and the report beside it to the file: it is published too, and the index reads it."""
    read, report = candidate.read, candidate.report
    if read is None:
        return
    yield from (f"is not what the matrix asks for: {finding}" for finding in read.findings)
    if report is not None and report.sha256 == candidate.sha256:
        said, found = (dict(one.facts) | {"expected": None} for one in (report, read))
        wrong = sorted(name for name in said.keys() | found.keys() if said.get(name) != found.get(name))
        if wrong:
            yield f"its audit report says other than the file does: {', '.join(wrong)}"


def _of_cell(candidate: Candidate, cell: Cell) -> Iterator[str]:
    """Hold the report's CUDA to the cell's: the name has only its major, and nothing in a wheel tells its minor."""
    cuda = _told(candidate.report, "cuda")
    if cuda not in {None, cell.cuda}:
        yield f"was made for CUDA {cuda}; under this name the matrix publishes CUDA {cell.cuda}"


def _told(report: Report | None, what: str) -> str | None:
    """Return what a report says that its wheel was held to."""
    expected = report.facts.get("expected") if report else None
    told = expected.get(what) if isinstance(expected, Mapping) else None
    return None if told is None else str(told)


def _published(matrix: Matrix, profile: str) -> list[Planned]:
    """Return the cells whose names are their own: of the CUDA releases of one major, the one under ``wheels``."""
    builds = {
        (torch.series, build.cuda, build.cxx11abi)
        for torch in matrix.torch.values()
        for build in torch.builds
        if build.published
    }
    return [
        planned
        for planned in cells.expand(matrix, profile=profile)
        if planned.state is not State.SKIPPED
        and (planned.cell.torch, planned.cell.cuda, planned.cell.cxx11abi) in builds
    ]


def _tried(published: Sequence[Planned], python: Representative) -> frozenset[Cell]:
    """Return the cells that a GPU must have tried; those built anyhow stand for those built on request."""
    built = [planned.cell for planned in published if planned.state is State.BUILD]
    families = {kin(cell) for cell in built}
    others = [planned.cell for planned in published if kin(planned.cell) not in families]
    return frozenset(divide(built, python).tried + divide(others, python).tried)
