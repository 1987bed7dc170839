from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import AuditError
from factory.wheel import read as wheelfile
from factory.wheel.facts import WheelFacts

RULES = wheelfile.rules()


def read(path: Path, *build_paths: str, **limits: int) -> WheelFacts:
    return wheelfile.read(path, replace(RULES, **limits), build_paths=build_paths)  # type: ignore[arg-type]  # any limit


def zipped(directory: Path, **files: bytes) -> Path:
    path = directory / "x.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_members_are_hashed_as_record_has_it(tmp_path: Path) -> None:
    path = zipped(tmp_path, a=b"", b=b"x" * 3_000_000)
    facts = read(path)
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [(member.name, member.size, member.digest) for member in facts.members] == [
        ("a", 0, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
        ("b", 3_000_000, "5VuL32Id2qj0YsdHRduWgNO7dTapz4VPjWZos0ooeJA"),
    ]


@pytest.mark.parametrize("offset", [0, 999_990, 1_048_570, 2_999_990])
def test_build_paths_are_found_anywhere(tmp_path: Path, offset: int) -> None:
    data = bytearray(3_000_000)
    data[offset : offset + 10] = b"/build/me/"
    assert read(zipped(tmp_path, a=bytes(data)), "/build/me", "/other").traces == (("a", "/build/me"),)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    facts = read(zipped(tmp_path, bomb=bytes(5_000_000)), unpacked_bytes=1_000_000)
    assert facts.members == ()
    assert "claims 1 file of 5000000 bytes" in facts.problems[0]


def test_too_many_members_are_not_read(tmp_path: Path) -> None:
    facts = read(zipped(tmp_path, a=b"", b=b"", c=b""), members=2)
    assert facts.members == ()
    assert "at most 2 files" in facts.problems[0]


def test_a_member_that_holds_more_than_it_claims_is_a_problem(tmp_path: Path) -> None:
    path = zipped(tmp_path, bomb=bytes(5_000_000))
    data = path.read_bytes()
    path.write_bytes(data.replace((5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    facts = read(path)
    assert facts.members[0].digest is None
    assert "'bomb' cannot be read" in facts.problems[0]


def test_a_password_is_a_problem(tmp_path: Path) -> None:
    path = zipped(tmp_path, secret=b"x")
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    assert "'secret' cannot be read: RuntimeError" in read(path).problems[0]


def test_nothing_is_written_where_a_member_says(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    read(zipped(inner, **{"../outside": b"x", str(tmp_path / "absolute"): b"x"}))
    assert [path.name for path in tmp_path.rglob("*")] == ["inner", "x.whl"]


@pytest.mark.parametrize("name", ["missing.whl", "."])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AuditError, match="cannot be audited"):
        read(tmp_path / name)
