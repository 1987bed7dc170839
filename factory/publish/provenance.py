"""What must be attested of what is published, and by which workflow: each file by the one that makes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.github import attestation
from factory.github.attestation import BRANCH, Maker
from factory.wheel.sidecars import REPORT, VERDICT

WHEEL, VERDICTS, POOL, ROUND = "wheel.yml", "gpu-test.yml", "pool.yml", "kernels-round.yml"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """The run of ``repository`` that files must come from, told by its ``ref`` and ``commit``.

    ``hosted`` says that the matrix has all builds on GitHub's own machines; verdicts are signed there in any case.
    """

    repository: str
    ref: str
    commit: str
    hosted: bool

    @classmethod
    def of(cls, repository: str, env: Mapping[str, str], *, hosted: bool) -> Provenance:
        """Read it off GitHub's variables of a run; elsewhere any commit of the branch that publishes will do."""
        ref, commit = env.get("GITHUB_REF") or BRANCH, env.get("GITHUB_SHA") or ""
        return cls(repository=repository, ref=ref, commit=commit, hosted=hosted)

    def demand(self, file: Path, env: Mapping[str, str]) -> None:
        """Check a wheel and what lies beside it, or an archive of kernels. Raises DigestError."""
        for one, workflow in _signers(file):
            attestation.required(one, self._maker(workflow), env)

    def of_kernels(self) -> Maker:
        """Return who compiles kernels: they may be of an earlier commit of the same branch."""
        return Maker(repository=self.repository, workflow=ROUND, ref=self.ref, hosted=self.hosted)

    def _maker(self, workflow: str) -> Maker:
        hosted = self.hosted or workflow == VERDICTS
        return Maker(repository=self.repository, workflow=workflow, ref=self.ref, commit=self.commit, hosted=hosted)


def _signers(file: Path) -> Iterator[tuple[Path, str]]:
    if file.name.endswith(".tar.zst"):
        yield file, POOL
        return
    yield file, WHEEL
    for suffix, workflow in ((REPORT, WHEEL), (VERDICT, VERDICTS)):
        beside = file.with_name(file.name + suffix)
        if beside.is_file():
            yield beside, workflow
