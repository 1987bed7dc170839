"""GitHub's build attestations, checked by its own program ``gh`` where that is here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory.errors import DigestError
from factory.system import process

_RELEASE = re.compile(r"https://github\.com/(?P<repository>[^/]+/[^/]+)/releases/download/.+")
_NO_PROGRAM = 127
_NO_LOGIN = 4  # gh help exit-codes: "If a command requires authentication, the exit code will be 4"
_TIMEOUT = 120.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Attested:
    """Whether an attestation was checked and holds; ``said`` is a line for people either way."""

    ok: bool
    said: str


def verify(file: Path, url: str, env: Mapping[str, str]) -> Attested:
    """Return whether ``file``, which came from ``url``, was built by a workflow of the repository it is a release of.

    Raises DigestError where ``gh`` looked and it was not.
    """
    match = _RELEASE.fullmatch(url)
    if match is None:
        return Attested(ok=False, said="not verified by attestation: it did not come from a GitHub release")
    return _asked(file, match["repository"], ("--repo", match["repository"]), env)


def required(file: Path, repository: str, env: Mapping[str, str]) -> None:
    """Check that ``file`` was built by ``repository``'s own ``wheel.yml`` or ``pool.yml``, not by just any workflow.

    Raises DigestError where that was not, or could not be, verified.
    """
    signer = "pool.yml" if file.name.endswith(".tar.zst") else "wheel.yml"
    words = ("--repo", repository, "--signer-workflow", f"{repository}/.github/workflows/{signer}")
    found = _asked(file, repository, words, env)
    if not found.ok:
        raise DigestError(f"{file.name}: {found.said}")


def _asked(file: Path, repository: str, words: Sequence[str], env: Mapping[str, str]) -> Attested:
    done = process.run(["gh", "attestation", "verify", file, *words], env=env, timeout=_TIMEOUT)
    if done.ok:
        return Attested(ok=True, said=f"verified by attestation: built by a workflow of {repository}")
    if done.status == _NO_PROGRAM:
        return Attested(ok=False, said="not verified by attestation: gh is not here (https://cli.github.com)")
    if done.status == _NO_LOGIN:
        return Attested(ok=False, said="not verified by attestation: gh is not logged in (gh auth login)")
    raise DigestError(
        f"{file.name} has no attestation of {repository} that holds",
        why=[*done.stderr.strip().splitlines(), f"gh attestation verify ended with status {done.status}"],
        remedy="Do not install it unless you know why. If gh could not reach GitHub, try again.",
    )
