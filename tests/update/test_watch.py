"""With sources that answer as they are told to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from factory.errors import ImageError, SourceError, UnreachableError, UpdateError
from factory.matrix.imagename import ImageName
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Matrix
from factory.system.retry import TroubleError
from factory.update.actions import Action, Tag
from factory.update.listing import IndexFile
from factory.update.watch import Observed, Sources, watch
from tests.frozen import MATRIX

RULES: Matrix = load_matrix(MATRIX.read_bytes())
SHA256 = "ab" * 32
COMMIT = "c0" * 20
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=7)
PINS = tuple(
    Action(name=name, version="v6.1.0", commit=COMMIT)
    for name in ("actions/cache/save", "actions/cache/restore", "actions/checkout")
)
METADATA = "Metadata-Version: 2.4\nName: torch\nVersion: 2.16.0\nRequires-Dist: cuda-toolkit==13.2.2\n"


def file(name: str) -> IndexFile:
    return IndexFile(name=name, url=f"https://files.example.org/{name}", sha256=SHA256)


def files(project: str, index: str | None) -> tuple[IndexFile, ...]:
    if project == "flash-attn":
        return (file("flash_attn-2.8.4.tar.gz"),)
    if index is None:
        return tuple(file(f"torch-{version}-cp314-cp314-manylinux_2_28_x86_64.whl") for version in ("2.16.0", "2.15.1"))
    if index.endswith("cu130"):
        return (file("torch-2.16.0+cu130-cp314-cp314-manylinux_2_28_x86_64.whl"),)
    raise SourceError(f"{index} does not have torch")


def raises(error: Exception) -> Callable[..., Any]:
    def ask(*_: object) -> None:
        raise error

    return ask


ALL = Sources(
    listed=files,
    metadata=lambda _: METADATA,
    digest=lambda _: f"sha256:{SHA256}",
    tags=lambda _: ("cuda13.4", "cuda12.4"),
    newest=lambda name: Tag(name="v7.0.0" if name == "actions/cache" else "v6.1.0", commit=COMMIT, published=LONG_AGO),
    locked=lambda: ({"nox.txt": "nox==2026.10.20 \\\n"}, {"nox.txt": "nox==2026.11.2 \\\n"}),
    now=NOW,
)
SILENT = Sources(
    listed=raises(UnreachableError("the index is silent", why=["timed out"])),
    metadata=raises(AssertionError()),
    digest=raises(UnreachableError("the registry is silent")),
    tags=raises(UnreachableError("the registry is silent")),
    newest=raises(TroubleError("GitHub answers 429", wait=3600.0)),
    locked=raises(UnreachableError("nox.txt could not be resolved")),
    now=NOW,
)


def watched(sources: Sources) -> tuple[Observed, list[str]]:
    said: list[str] = []
    return watch(RULES, PINS, sources, said.append), said


def keys(observed: Observed) -> list[str]:
    apart = ("image digests", "lock files")
    return [proposal.key for proposal in observed.proposals if proposal.subject not in apart]


def test_everything_new_is_proposed_once() -> None:
    observed, said = watched(ALL)
    expected = ["flash-attn 2.8.4", "torch 2.15.1", "torch 2.16.0", "CUDA 13.4", "action actions/cache v7.0.0"]
    assert keys(observed) == expected
    assert observed.proposals[-1].title == "1 package of the lock files can be renewed"
    assert len(observed.proposals) == len(expected) + 2
    assert "update: actions/checkout: nothing new" in said
    torch = observed.proposals[2]
    assert "13.0: {abi: CHECK, index: https://download.pytorch.org/whl/cu130}" in torch.body
    assert "not reached now: https://download.pytorch.org/whl/cu124" in torch.body
    assert "asks for `cuda-toolkit==13.2.2`" in torch.body


def test_who_is_silent_keeps_nobody_from_being_asked_and_is_asked_once() -> None:
    asked: list[ImageName] = []

    def digest(name: ImageName) -> str:
        asked.append(name)
        raise UnreachableError("docker.io cannot be asked", why=["timed out"])

    observed, said = watched(replace(ALL, digest=digest))
    assert keys(observed) == ["flash-attn 2.8.4", "torch 2.15.1", "torch 2.16.0", "action actions/cache v7.0.0"]
    assert len(asked) == 1
    silent = [line for line in observed.silent if "docker.io" in line]
    assert [line for line in silent if line.endswith("docker.io cannot be asked; timed out")] == silent[:1]
    assert len(silent) == len(RULES.toolkits) + 1  # each digest, and the tags of the repository they share
    assert set(said) >= {f"update: not looked at: {line}" for line in silent}


@pytest.mark.parametrize("error", [UpdateError("no release"), ImageError("no such image"), SourceError("no project")])
def test_an_answer_that_is_of_no_use_stops_only_itself(error: Exception) -> None:
    asked: list[str] = []

    def newest(name: str) -> Tag:
        asked.append(name)
        raise error

    observed, _ = watched(replace(ALL, newest=newest))
    assert asked == ["actions/cache", "actions/checkout"]
    assert len([line for line in observed.silent if line.startswith("actions/")]) == 2


def test_a_tag_that_is_no_version_is_said() -> None:
    observed, _ = watched(replace(ALL, newest=lambda _: Tag(name="codeql-bundle", commit=COMMIT, published=LONG_AGO)))
    assert "actions/cache: 'codeql-bundle' is no version" in observed.silent


def test_a_torch_whose_metadata_is_silent_is_proposed_all_the_same() -> None:
    observed, _ = watched(replace(ALL, metadata=raises(UnreachableError("the files are silent"))))
    assert "torch 2.16.0" in keys(observed)
    assert "could not be had" in observed.proposals[2].body


def test_where_nobody_answers_it_is_an_error() -> None:
    with pytest.raises(UnreachableError, match="nothing could be looked at") as caught:
        watched(SILENT)
    assert "flash-attn: the index is silent; timed out" in caught.value.why
    assert "actions/cache: GitHub answers 429" in caught.value.why


def test_one_answer_is_enough() -> None:
    observed, _ = watched(replace(SILENT, newest=ALL.newest))
    assert keys(observed) == ["action actions/cache v7.0.0"]


@pytest.mark.parametrize(("age", "proposed"), [(timedelta(days=6, hours=23), False), (timedelta(days=7), True)])
def test_a_release_of_an_action_is_proposed_once_it_is_a_week_old(age: timedelta, proposed: bool) -> None:  # noqa: FBT001 - a parameter
    tag = Tag(name="v7.0.0", commit=COMMIT, published=NOW - age)
    observed, said = watched(replace(ALL, newest=lambda _: tag))
    assert ("action actions/cache v7.0.0" in keys(observed)) is proposed
    told = "update: actions/cache v7.0.0 is released since 6 days, and is proposed once it is for 7"
    assert (told in said) is not proposed


def test_locks_that_cannot_be_resolved_keep_nothing_else_from_being_told() -> None:
    observed, _ = watched(replace(ALL, locked=SILENT.locked))
    assert [line for line in observed.silent if line.startswith("the lock files: nox.txt could not")] != []
    assert "flash-attn 2.8.4" in keys(observed)
