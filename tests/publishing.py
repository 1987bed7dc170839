"""Makes small wheels with all that publishing asks for, and a publisher that never really waits."""

from __future__ import annotations

import hashlib
import random
import zipfile
from dataclasses import replace
from pathlib import Path

from factory import matrix
from factory.audit.report import SCHEMA, Finding, Report
from factory.github.retry import RetryPolicy
from factory.gpu_test.verdict import GROUPS, ArchTried, Group, Machine, Verdict
from factory.matrix.model import Matrix
from factory.publish import checksums, releases
from factory.publish.parts import Asset, Release, Seen
from factory.publish.releases import Repository
from tests.frozen import MATRIX
from tests.githubserver import TOKEN, GithubServer
from tests.githubstore import REPOSITORY, StoredRelease

TAG = "v2.7.4.post1"
RULES: Matrix = matrix.load(MATRIX.read_bytes(), name="matrix.yaml")
UNTESTED = replace(RULES, runners=replace(RULES.runners, gpu=()))
TESTED = replace(RULES, runners=replace(RULES.runners, gpu=("gpu-box",)))


def wheel_name(
    python: str = "310", torch: str = "2.6", local: str = "", *, abi: str = "FALSE", version: str = "2.7.4.post1"
) -> str:
    return f"flash_attn-{version}+cu12torch{torch}cxx11abi{abi}{local}-cp{python}-cp{python}-linux_x86_64.whl"


def make_wheel(directory: Path, name: str = "", *, size: int = 30_000, tested: bool = False) -> Path:
    """Write a wheel of ``size`` incompressible bytes, its report, and a verdict if it is ``tested``."""
    path = directory / (name or wheel_name())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("flash_attn_2_cuda.so"), random.Random(path.name).randbytes(size))  # noqa: S311
        metadata = f"Metadata-Version: 2.1\nName: flash_attn\nVersion: {path.name.split('-')[1].lower()}\n"
        archive.writestr(zipfile.ZipInfo("flash_attn-2.7.4.post1.dist-info/METADATA"), metadata)
    beside(path, ".report.json", report_of(path).to_json())
    if tested:
        beside(path, ".verdict.json", verdict_of(path).to_json())
    return path


def beside(path: Path, suffix: str, text: str) -> None:
    path.with_name(path.name + suffix).write_text(text)


def report_of(path: Path, *findings: Finding) -> Report:
    return Report(
        schema=SCHEMA,
        wheel=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        size=path.stat().st_size,
        ok=not findings,
        findings=findings,
        facts={},
    )


def verdict_of(path: Path) -> Verdict:
    groups = (Group(name=name, passed=1, failures=(), skips=(), worst=None, trouble="", seconds=1) for name in GROUPS)
    return Verdict(
        wheel=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        seed=0,
        profile="full",
        left_out=(),
        machine=Machine(),
        archs=(ArchTried(arch="sm_90", tested=True, why="the nearest"),),
        misfits=(),
        groups=tuple(groups),
        timings=(),
        beside=None,
        started="2026-11-23T12:00:00Z",
        seconds=1,
    )


def repository(server: GithubServer, *, silence: float = 0.3, token: str | None = TOKEN) -> Repository:
    rules = replace(releases.limits(), seconds_between_writes=0.0)
    return Repository(REPOSITORY, token=token, api=server.api, silence=silence, rules=rules)


def put_list(server: GithubServer, release: StoredRelease) -> None:
    """Put the list of sums that the publisher would put into a release of kernels."""
    there = release.contents()
    assets = tuple(
        Asset(id=number, name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), finished=True)
        for number, (name, content) in enumerate(there.items())
    )
    seen = Seen(
        release=Release(id=release.id, tag=release.tag, draft=release.draft, immutable=False, body="", assets=assets),
        texts={name: content.decode() for name, content in there.items() if checksums.is_list(name)},
    )
    file = checksums.missing(seen, lambda _: "")
    assert file is not None
    assert file.content is not None
    server.put(release, file.name, file.content)


def patience(server: GithubServer, *, tries: int = 8) -> RetryPolicy:
    """Give one that only moves the server's clock."""
    return RetryPolicy(tries=tries, sleep=server.sleep, clock=server.now)
