"""Makes small wheels with all that publishing asks for, and a publisher that never really waits."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from factory.audit.audit import audit
from factory.audit.report import Finding, Report
from factory.gpu_test.verdict import GROUPS, ArchTried, Group, Machine, Verdict
from factory.matrix import wheelname
from factory.matrix.checksymbol import check_symbol
from factory.matrix.load import load as load_matrix
from factory.matrix.model import FlashAttn, Matrix
from factory.publish import checksums, releases
from factory.publish.gate import Gate
from factory.publish.parts import Asset, Release, Seen
from factory.publish.releases import Repository
from factory.system.retry import RetryPolicy
from factory.wheel import cyclonedx
from factory.wheel.cyclonedx import Part
from factory.wheel.facts import SBOM
from tests.frozen import MATRIX
from tests.githubserver import TOKEN, GithubServer
from tests.githubstore import REPOSITORY, StoredRelease
from tests.wheelmaker import MODULE, MODULES, OLD_STRING, Binary, Maker, Parts, compile_module

TAG = "v2.7.4.post1"
RULES: Matrix = load_matrix(MATRIX.read_bytes(), name="matrix.yaml")
RELEASE = RULES.flash_attn["2.7.4.post1"]
UNTESTED = replace(RULES, runners=replace(RULES.runners, gpu=()))
GATE = Gate.of(UNTESTED)
TESTED = replace(RULES, runners=replace(RULES.runners, gpu=("gpu-box",)))


def wheel_name(
    python: str = "310", torch: str = "2.6", local: str = "", *, abi: str = "FALSE", version: str = "2.7.4.post1"
) -> str:
    return f"flash_attn-{version}+cu12torch{torch}cxx11abi{abi}{local}-cp{python}-cp{python}-linux_x86_64.whl"


NEW_STRING = "_ZN3c106detail14torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
STRINGS = {False: OLD_STRING, True: NEW_STRING}


def installed(_: FlashAttn) -> dict[str, str]:
    """Return what the flash-attn of these wheels installs."""
    return {path: hashlib.sha256(content).hexdigest() for path, content in MODULES.items()}


@cache
def sdist() -> bytes:
    """Give an sdist that installs the same."""
    packed = io.BytesIO()
    setup = b"setup(packages=find_packages())"
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, content in {**MODULES, "setup.py": setup}.items():
            entry = tarfile.TarInfo(f"flash_attn-{RELEASE.version}/{path}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def put_sdist(cache: Path, text: str) -> str:
    """Put that sdist into ``cache``; give the text of a matrix with its sha256 in it."""
    sha256 = hashlib.sha256(sdist()).hexdigest()
    directory = cache / "sdists" / sha256[:16]
    directory.mkdir(parents=True)
    (directory / f"flash_attn-{RELEASE.version}.tar.gz").write_bytes(sdist())
    return text.replace(RELEASE.sha256, sha256)


def made_of_sdist(directory: Path) -> Path:
    """Write a wheel, tried on a GPU, that says it is made of that sdist."""
    parts = parts_of(wheel_name())
    source = cyclonedx.flash_attn(RELEASE.version, hashlib.sha256(sdist()).hexdigest())
    parts.files |= bill(parts.filename, [source, *materials(parts.filename)[1:]])
    return finished(parts, directory, tested=True)


@cache
def compiled(binary: Binary) -> bytes:
    with TemporaryDirectory() as scratch:
        return compile_module(binary, Path(scratch))


def materials(name: str) -> tuple[Part, ...]:
    """Give what the wheel of that name is made of, with a CUTLASS."""
    wheel = wheelname.parse(name)
    release = RULES.flash_attn[wheel.version]
    cell = GATE.cells.get(name)
    cudas = dict.fromkeys((GATE.kernels[cell].cuda, cell.cuda)) if cell else ("12.4",)
    torch = RULES.torch[wheel.torch].release if wheel.torch in RULES.torch else f"{wheel.torch}.0"
    source = cyclonedx.flash_attn(release.version, release.sha256)
    return source, cyclonedx.cutlass("3.6.0"), *map(cyclonedx.cuda, cudas), cyclonedx.torch(torch)


def bill(name: str, parts: Sequence[Part]) -> dict[str, bytes]:
    """Give the file in the wheel of that name that says that it is made of ``parts``."""
    about = cyclonedx.of_wheel(wheelname.parse(name))
    text = cyclonedx.document(name, parts, {name: [part["bom-ref"] for part in parts]}, about=about)
    return {f"flash_attn-{name.split('-')[1].lower()}.dist-info/{SBOM}": text.encode()}


def parts_of(name: str, **binary: object) -> Parts:
    """Give the parts of the wheel of that name, right but for what ``binary`` says of its extension."""
    wheel = wheelname.parse(name)
    symbol = check_symbol(wheel.torch)
    right = Binary(undefined=(symbol, STRINGS[wheel.cxx11abi]))
    return Parts(
        filename=name,
        binary=replace(right, **binary),  # type: ignore[arg-type]  # a table of any field
        module=MODULE.replace("310", wheel.python.replace(".", "")),
        metadata={"Requires-Dist": f"torch=={wheel.torch}.*"},
        files=bill(name, materials(name)),
    )


def make_wheel(directory: Path, name: str = "", *, tested: bool = False, **binary: object) -> Path:
    """Write a wheel as the matrix asks for but for ``binary``, its report, and a verdict if it is ``tested``."""
    return finished(parts_of(name or wheel_name(), **binary), directory, tested=tested)


def finished(parts: Parts, directory: Path, *, tested: bool = False) -> Path:
    """Write a wheel, and beside it what says that it is right."""
    path = Maker(directory, compiled).write(parts, directory)
    beside(path, ".report.json", report_of(path).to_json())
    if tested:
        beside(path, ".verdict.json", verdict_of(path).to_json())
    return path


def beside(path: Path, suffix: str, text: str) -> None:
    path.with_name(path.name + suffix).write_text(text)


def report_of(path: Path, *findings: Finding) -> Report:
    return replace(audit(path), ok=not findings, findings=findings)


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
    file = checksums.missing(seen, lambda _: "", ())
    assert file is not None
    assert file.content is not None
    server.put(release, file.name, file.content)


def policy(server: GithubServer, *, tries: int = 8) -> RetryPolicy:
    """Give one that only moves the server's clock."""
    return RetryPolicy(tries=tries, sleep=server.sleep, clock=server.now)
