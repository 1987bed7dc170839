from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from factory.pool.archive import export
from factory.pool.archivecheck import complaints
from factory.pool.store import Pool
from tests.kernelsets import content, fill, kernel_set, key_of, put
from tests.pool.test_archive import packed, unpacked

SET = kernel_set("a.cu", "b.cu")
OBJECT = hashlib.sha256(b"more").hexdigest()
Members = list[tuple[str, bytes]]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    pool = Pool(tmp_path / "pool")
    fill(pool, SET, "a.cu", "b.cu")
    return export(pool, SET, tmp_path)[1][0].path


def members(archive: Path) -> Members:
    return [(member.name, text) for member, text in unpacked(archive)]


def changed(kind: str, change: Callable[[bytes], bytes]) -> Callable[[Members], Members]:
    """Change the first member of a kind."""

    def spoil(there: Members) -> Members:
        at = next(number for number, (name, _) in enumerate(there) if name.startswith(kind))
        return [*there[:at], (there[at][0], change(there[at][1])), *there[at + 1 :]]

    return spoil


def field(**changes: object) -> Callable[[bytes], bytes]:
    return lambda text: json.dumps(json.loads(text) | changes).encode()


def without(kind: str) -> Callable[[Members], Members]:
    def spoil(there: Members) -> Members:
        at = next(number for number, (name, _) in enumerate(there) if name.startswith(kind))
        return there[:at] + there[at + 1 :]

    return spoil


def added(name: str, text: bytes) -> Callable[[Members], Members]:
    return lambda there: [(name, text), *there]


FOREIGN = replace(SET, profile="full")
WRONG: list[tuple[Callable[[Members], Members], str]] = [
    (changed("objects/", lambda data: data[:-1] + b"!"), "has the sha256"),
    (without("objects/"), "has no whole object"),
    (changed("parts/", field(size=1)), "has no whole object"),
    (changed("parts/", field(sha256="f" * 64)), "has no whole object"),
    (changed("parts/", field(sha256="../../x")), "is not what the factory writes"),
    (changed("parts/", field(profile="full")), "is of profile full"),
    (changed("parts/", lambda _: b"{}"), "is not what the factory writes"),
    (without("parts/"), "1 of its 6 parts are in none of its archives"),
    (added(f"parts/{'e' * 64}.json", b"[]"), "is not what the factory writes"),
    (added(f"objects/{OBJECT}", b"more"), f"objects/{OBJECT} has no record"),
    (without("sets/"), "lists no set"),
    (changed("sets/", field(units=1)), "lists kernels-"),
    (changed("sets/", lambda _: json.dumps(asdict(FOREIGN)).encode()), "lists kernels-"),
    (changed("sets/", field(keys=[])), "parts are not on its list"),
    (added("../../escape", b"x"), "is not the name of an object, a part or a set"),
]


def test_a_whole_set_is_whole(archive: Path) -> None:
    assert complaints(SET.name, [archive]) == ()


@pytest.mark.parametrize(("spoil", "said"), WRONG)
def test_what_is_wrong_is_told(archive: Path, spoil: Callable[[Members], Members], said: str) -> None:
    packed(archive, spoil(members(archive)))
    found = complaints(SET.name, [archive])
    assert any(said in line for line in found)
    assert all(line.startswith((archive.name, SET.name)) for line in found)


def test_a_split_set_needs_all_of_its_archives(tmp_path: Path) -> None:
    pool = Pool(tmp_path / "pool")
    fill(pool, SET, "a.cu", "b.cu")
    _, made = export(pool, SET, tmp_path, limit=20_000)
    paths = [one.path for one in made]
    assert len(paths) > 1
    assert complaints(SET.name, paths) == ()
    (line,) = complaints(SET.name, paths[1:])
    assert "of its 6 parts are in none of its archives" in line


def test_a_part_of_another_set_does_not_pass(archive: Path, tmp_path: Path) -> None:
    pool = Pool(tmp_path / "other")
    record = put(pool, "c.cu", "host", content("c.cu", "host"))
    more = [
        (f"objects/{record.sha256}", content("c.cu", "host")),
        (f"parts/{key_of('c.cu', 'host')}.json", json.dumps(asdict(record)).encode()),
    ]
    packed(archive, [*more, *members(archive)])
    assert complaints(SET.name, [archive]) == (f"{SET.name}: 1 part is not on its list",)


def test_a_flood_of_complaints_is_cut(archive: Path) -> None:
    many = [(f"objects/{hashlib.sha256(bytes([n])).hexdigest()}", bytes([n])) for n in range(100)]
    packed(archive, [*many, *members(archive)])
    assert complaints(SET.name, [archive])[20:] == ("and 80 more",)
