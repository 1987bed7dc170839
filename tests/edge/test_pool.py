import json
from pathlib import Path

import pytest

from factory.edge.digest import sha256_of
from factory.edge.pool import Pool, Record


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(tmp_path / "pool")


def put(pool: Pool, key: str, content: bytes = b"object") -> Record:
    compiled = pool.temporary() / "unit.o"
    compiled.write_bytes(content)
    record = Record(
        source="a.cu",
        profile="smoke",
        passes=1,
        targets=2,
        sha256=sha256_of(compiled),
        size=len(content),
        cpu_seconds=1.0,
        wall_seconds=1.0,
        peak_bytes=1,
    )
    pool.put(key, compiled, record)
    return record


def test_gives_back_what_was_put(pool: Pool) -> None:
    record = put(pool, "k1")
    found = pool.get("k1")
    assert found is not None
    assert found[0] == record
    assert found[1].read_bytes() == b"object"


def test_unknown_key(pool: Pool) -> None:
    assert pool.get("k1") is None


@pytest.mark.parametrize("damage", [b"", b"objec", b"objecT", b"object\0"])
def test_a_damaged_object_is_removed_and_not_given(pool: Pool, damage: bytes) -> None:
    record = put(pool, "k1")
    pool.object_path(record).write_bytes(damage)
    assert pool.get("k1") is None
    assert not pool.object_path(record).exists()
    put(pool, "k1")
    assert pool.get("k1") is not None


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"sha256": 1}', "\ud800"])
def test_a_damaged_record_counts_as_none(pool: Pool, damage: str) -> None:
    put(pool, "k1")
    (pool.root / "units" / "k1.json").write_text(damage, errors="surrogatepass")
    assert pool.get("k1") is None
    assert pool.records() == []


def test_a_record_without_its_object_counts_as_none(pool: Pool) -> None:
    pool.object_path(put(pool, "k1")).unlink()
    assert pool.get("k1") is None


def test_pools_merge_by_copying(pool: Pool, tmp_path: Path) -> None:
    other = Pool(tmp_path / "other")
    put(pool, "k1", b"one")
    put(other, "k2", b"two")
    for path in other.root.rglob("*"):
        if path.is_file():
            (pool.root / path.relative_to(other.root)).write_bytes(path.read_bytes())
    objects = [found[1].read_bytes() for key in ("k1", "k2") if (found := pool.get(key)) is not None]
    assert objects == [b"one", b"two"]


def test_only_one_holds_a_claim(pool: Pool) -> None:
    with pool.claim("k1") as first, pool.claim("k1") as second, pool.claim("k2") as other:
        assert (first, second, other) == (True, False, True)
    with pool.claim("k1") as again:
        assert again


def test_records_are_plain_json(pool: Pool) -> None:
    put(pool, "k1")
    assert json.loads((pool.root / "units" / "k1.json").read_text())["source"] == "a.cu"
