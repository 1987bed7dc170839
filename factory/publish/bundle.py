"""A wheel to publish and what goes with it: the audit's report, the GPU test's verdict, METADATA, its parts."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from factory.audit.audit import audit
from factory.audit.report import read_report
from factory.errors import VerdictError
from factory.gpu_test.verdict import Verdict
from factory.matrix import wheelname
from factory.publish.gate import Candidate, Gate, Installed
from factory.publish.parts import File
from factory.system import zips
from factory.system.files import sha256_of
from factory.wheel import cyclonedx
from factory.wheel.facts import SBOM
from factory.wheel.sidecars import METADATA, REPORT, VERDICT

_LARGEST = 4 << 20  # bytes, of METADATA and of the bill of materials


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A wheel, what the gates look at, and the small files that go with it."""

    path: Path
    candidate: Candidate
    sidecars: tuple[File, ...]

    @property
    def tag(self) -> str:
        """The tag of its release. Raises ValueError for a name that is not of the scheme."""
        return wheelname.release_tag(wheelname.parse(self.path.name).version)

    @property
    def files(self) -> tuple[File, ...]:
        """What to publish of it, the wheel last: once it is there, all that belongs to it is."""
        one = self.candidate
        return *self.sidecars, File(name=one.filename, size=one.size, sha256=one.sha256)


def read(path: Path, gate: Gate, installed: Installed) -> Bundle:
    """Return a wheel, held to what ``gate`` asks of it, and what lies beside it.

    Raises ValueError that says what cannot be read, and what ``installed`` raises.
    """
    try:
        return _read(path, gate, installed)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read: {error}") from error


def _read(path: Path, gate: Gate, installed: Installed) -> Bundle:
    report, verdict = _beside(path, REPORT), _beside(path, VERDICT)
    said = None if report is None else read_report(report.decode())
    expected = gate.expected(path.name, said, installed)
    metadata, materials = _inside(path)
    return Bundle(
        path=path,
        candidate=Candidate(
            filename=path.name,
            size=path.stat().st_size,
            sha256=sha256_of(path),
            read=None if expected is None else audit(path, expected),
            report=said,
            verdict=None if verdict is None else _verdict(verdict.decode()),
            parts=cyclonedx.parts_of(path.name, materials),
        ),
        sidecars=tuple(
            _file(path.name + suffix, content)
            for suffix, content in ((METADATA, metadata), (REPORT, report), (VERDICT, verdict))
            if content is not None
        ),
    )


def _beside(path: Path, suffix: str) -> bytes | None:
    try:
        return path.with_name(path.name + suffix).read_bytes()
    except FileNotFoundError:
        return None


def _verdict(text: str) -> Verdict:
    try:
        return Verdict.from_json(text)
    except VerdictError as error:
        raise ValueError("; ".join([error.what, *error.why])) from error


def _inside(path: Path) -> tuple[bytes, bytes]:
    """Return METADATA byte for byte, which is what PEP 658 serves, and the bill of materials."""
    with zips.opened(path) as archive:
        return _text(archive, "METADATA"), _text(archive, SBOM)


def _text(archive: zipfile.ZipFile, name: str) -> bytes:
    found = [one for one in archive.infolist() if one.filename.endswith(f".dist-info/{name}")]
    if len(found) != 1 or found[0].file_size > _LARGEST:
        raise ValueError(f"has not one {name} of a sound size")
    return zips.content(archive, found[0], _LARGEST)


def _file(name: str, content: bytes) -> File:
    return File(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), content=content)
