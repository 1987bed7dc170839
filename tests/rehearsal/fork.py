"""The repository as somebody has it who forked it: this working tree, and two small wheels in ``matrix.yaml``."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from factory.environment import interpreter
from factory.errors import FactoryError
from factory.system import process
from tests.rehearsal.run import Source

CUDA = "12.4"
TORCHES = ("2.5", "2.6")
PROFILE = "smoke"
_PYTHONS = ("3.11", "3.12", "3.13", "3.10", "3.9")
_BRANCH = "main"


def make(root: Path, into: Path, repository: str, changes: Mapping[str, str]) -> Source:
    """Commit the working tree of ``root`` in ``into``, and on top of it files with the texts in ``changes``."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file() and name not in changes:
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, into / name)
    _git(into, "init", "--quiet", "--initial-branch", _BRANCH)
    _git(into, "config", "uploadpack.allowAnySHA1InWant", "true")
    _commit(into, "The working tree")
    for name, text in changes.items():
        (into / name).write_text(text, encoding="utf-8")
    _commit(into, "What I need")
    return Source(path=into, sha=_git(into, "rev-parse", "HEAD").strip(), branch=_BRANCH, repository=repository)


def small(root: Path, image: str | None) -> Mapping[str, str]:
    """Give what a person edits: one architecture, two cells, the small profile in ``matrix.yaml``.

    An ``image`` that ``nox -s image`` made is named there too, as the README says.
    """
    text = (root / "matrix.yaml").read_text(encoding="utf-8")
    rows = "".join(
        f"  {torch}:\n    flash_attn: [2.7.4.post1]\n    cuda: {{{CUDA}: false}}\n    python: [{python()}]\n"
        for torch in TORCHES
    )
    changes = [
        (r"^archs: .*$", "archs: [8.0]"),
        (r"^  profiles: \[full\]$", f"  profiles: [{PROFILE}]"),
        (r"^wheels:\n(?:(?:  .*)?\n)+", f"wheels:\n{rows}\n"),
    ]
    if image is not None:
        own = rf"name: {image}\n\1digest: null\n\1manylinux: 2.36"
        changes.append((r"name: \S+cuda12\.4\n( +)digest: \S+\n +manylinux: 2\.28", own))
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert count == 1, f"matrix.yaml has {count} times {pattern}"
    return {"matrix.yaml": text}


def python() -> str:
    """Give a Python that is here and that both torch releases are published for."""
    for version in _PYTHONS:
        try:
            interpreter.find(version, os.environ)
        except FactoryError:
            continue
        return version
    raise AssertionError(f"none of the Pythons {', '.join(_PYTHONS)} is here")


def _commit(here: Path, what: str) -> None:
    who = ("-c", "user.name=rehearsal", "-c", "user.email=rehearsal@example.org", "-c", "commit.gpgsign=false")
    _git(here, "add", "--all", "--force")
    _git(here, *who, "commit", "--quiet", "--allow-empty", "--no-verify", "--message", what)


def _git(here: Path, *words: str) -> str:
    done = process.run(["git", "-C", here, *words], timeout=120)
    assert done.ok, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout
