"""GitHub's build attestations, checked by its own program ``gh`` where that is here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.errors import DigestError
from factory.system import process

BRANCH = "refs/heads/main"
"""The ref that publishes, as the workflows say too: its rules in the repository's settings are what protects wheels."""
BUNDLE = ".sigstore.json"
"""Ends the name of the attestation that lies beside a file; with it ``gh`` needs no login."""
_RELEASE = re.compile(r"https://github\.com/(?P<repository>[^/]+/[^/]+)/releases/download/.+")
_NO_PROGRAM = 127
_NO_LOGIN = 4  # gh help exit-codes: "If a command requires authentication, the exit code will be 4"
_OLD = re.compile(r"unknown (?:flag|command)")
_TIMEOUT = 120.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Attested:
    """Whether an attestation was checked and holds; ``said`` is a line for people either way."""

    ok: bool
    said: str


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Who must have made a file: the ``workflow``, such as ``wheel.yml``, of ``repository`` as of its ``ref``.

    With a ``commit`` exactly that one of it. ``hosted`` leaves out machines that are not GitHub's own.
    Sources of the words: ``gh attestation verify --help``; what they compare is the signing certificate, which GitHub
    fills and a workflow cannot.
    """

    repository: str
    workflow: str
    ref: str = BRANCH
    commit: str = ""
    hosted: bool = False

    def words(self) -> Iterator[str]:
        """Yield what ``gh attestation verify`` is to hold a file to."""
        signer = f"{self.repository}/.github/workflows/{self.workflow}"
        yield from ("--repo", self.repository, "--signer-workflow", signer, "--source-ref", self.ref)
        if self.commit:
            yield from ("--source-digest", self.commit, "--signer-digest", self.commit)
        if self.hosted:
            yield "--deny-self-hosted-runners"


def verify(file: Path, url: str, env: Mapping[str, str]) -> Attested:
    """Return whether the wheel ``file``, fetched from ``url``, was built by ``wheel.yml`` of its release's repository.

    Raises DigestError where ``gh`` looked and it was not.
    """
    match = _RELEASE.fullmatch(url)
    if match is None:
        return Attested(ok=False, said="not verified by attestation: it did not come from a GitHub release")
    return _asked(file, Maker(repository=match["repository"], workflow="wheel.yml"), env)


def required(file: Path, maker: Maker, env: Mapping[str, str]) -> None:
    """Check that ``file`` was made by ``maker``; the attestation may lie beside it, else GitHub is asked.

    Raises DigestError where that was not, or could not be, verified.
    """
    found = _asked(file, maker, env)
    if not found.ok:
        raise DigestError(f"{file.name}: {found.said}")


def holding(
    files: Sequence[Path], maker: Maker, env: Mapping[str, str], say: Callable[[str], object]
) -> tuple[Path, ...]:
    """Return those of ``files`` that ``maker`` made; say of each other in a line why it is left out."""
    good = []
    for file in files:
        try:
            required(file, maker, env)
        except DigestError as error:
            say(f"left out: {'; '.join([error.what, *error.why])}")
        else:
            good.append(file)
    return tuple(good)


def _asked(file: Path, maker: Maker, env: Mapping[str, str]) -> Attested:
    beside = file.with_name(file.name + BUNDLE)
    words = [*maker.words(), *(("--bundle", beside) if beside.is_file() else ())]
    done = process.run(["gh", "attestation", "verify", file, *words], env=env, timeout=_TIMEOUT)
    if done.ok:
        return Attested(ok=True, said=f"verified by attestation: built by {maker.workflow} of {maker.repository}")
    if done.status == _NO_PROGRAM:
        return Attested(ok=False, said="not verified by attestation: gh is not here (https://cli.github.com)")
    if done.status == _NO_LOGIN:
        return Attested(ok=False, said="not verified by attestation: gh is not logged in (gh auth login)")
    if _OLD.search(done.stderr):
        return Attested(ok=False, said="not verified by attestation: this gh is too old (https://cli.github.com)")
    raise DigestError(
        f"{file.name} has no attestation of {maker.workflow} of {maker.repository} that holds",
        why=[*done.stderr.strip().splitlines(), f"gh attestation verify ended with status {done.status}"],
        remedy="Do not install it unless you know why. If gh could not reach GitHub, try again.",
    )
