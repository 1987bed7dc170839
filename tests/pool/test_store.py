import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from factory.pool.archivename import Member
from factory.pool.record import Record, SetRecord
from factory.pool.store import Pool
from tests.kernelsets import store

SET = SetRecord(
    flash_attn="2.7.4.post1",
    cuda="12.4",
    archs=("8.0", "9.0a", "8.9+PTX"),
    profile="smoke",
    toolkit="12.4.131",
    host_compiler="12.2.0",
    machine="x86_64",
    units=1,
    keys=("k1", "k2"),
)
CLOCKS = [0, 4102444800]  # 1970 and 2100, in seconds: set back, and set ahead


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(tmp_path / "pool")


def put(pool: Pool, key: str, content: bytes = b"object") -> Record:
    return store(pool, key, content)


def set_times(paths: Iterable[Path], clock: int) -> None:
    for path in paths:
        os.utime(path, (clock, clock))


def test_gives_back_what_was_put(pool: Pool) -> None:
    record = put(pool, "k1")
    found = pool.get("k1")
    assert found is not None
    assert found[0] == record
    assert found[1].read_bytes() == b"object"


def test_unknown_key(pool: Pool) -> None:
    assert pool.get("k1") is None
    assert pool.lacking(["k1"]) == {"k1"}


@pytest.mark.parametrize("damage", [b"", b"objec", b"objecT", b"object\0"])
def test_a_damaged_object_is_removed_and_not_given(pool: Pool, damage: bytes) -> None:
    record = put(pool, "k1")
    put(pool, "k2", b"other")
    pool.object_path(record).write_bytes(damage)
    assert pool.get("k1") is None
    assert not pool.object_path(record).exists()
    assert pool.lacking(["k1", "k2"]) == {"k1"}
    put(pool, "k1")
    assert pool.lacking(["k1", "k2"]) == set()


def test_nothing_is_removed_while_somebody_adds(pool: Pool) -> None:
    record = put(pool, "k1")
    pool.object_path(record).write_bytes(b"damage")
    with pool.adding():
        assert pool.get("k1") is None
        assert pool.object_path(record).exists()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"sha256": 1}', "\ud800"])
def test_a_damaged_record_counts_as_none(pool: Pool, damage: str) -> None:
    put(pool, "k1")
    (pool.root / "parts" / "k1.json").write_text(damage, errors="surrogatepass")
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
    assert json.loads((pool.root / "parts" / "k1.json").read_text())["source"] == "a.cu"


def test_sets_are_noted_once_under_a_name_that_says_them(pool: Pool) -> None:
    other = replace(SET, keys=("k1",))
    for one in (SET, other, SET):
        pool.note(one)
    assert sorted(pool.sets(), key=lambda row: row.keys) == [other, SET]
    assert SET.name.startswith("kernels-2.7.4.post1-cu124-sm80.90a.89ptx-smoke-gcc12.2.0-")
    assert SET.name != other.name
    (pool.root / "sets" / f"{other.name}.json").write_text("{")
    assert pool.sets() == [SET]


def test_the_longest_name_fits_into_a_tar() -> None:
    archs = ("8.0", "8.6", "8.7", "8.9", "9.0", "10.0", "12.0")
    longest = replace(SET, profile="inference", toolkit="13.0.999", archs=archs)
    assert "-sm80.86.87.89.90.100.120-" in longest.name
    assert len(f"{longest.name}.json") <= 100
    assert str(Member(kind="set", name=longest.name)).endswith(f"{longest.name}.json")
    assert Member.parse(f"sets/{longest.name}.json").name == longest.name


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_sweep_leaves_what_is_being_written_whatever_the_clock_says(pool: Pool, clock: int) -> None:
    with pool.claim("k1"), pool.temporary("k1") as directory:
        (directory / "unit.ptx").write_text("half")
        set_times([directory / "unit.ptx", directory, *(pool.root / "locks").iterdir()], clock)
        pool.sweep()
        assert (directory / "unit.ptx").read_text() == "half"


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_sweep_removes_what_nobody_holds_whatever_the_clock_says(pool: Pool, clock: int) -> None:
    left = pool.root / "tmp" / "k1-leftover"
    left.mkdir(parents=True)
    (left / "unit.ptx").write_text("half")
    set_times([left / "unit.ptx", left], clock)
    put(pool, "k2")
    pool.sweep()
    assert list((pool.root / "tmp").iterdir()) == []
    assert pool.lacking(["k2"]) == set()


HOLD = """
import pathlib, sys, time
from factory.pool.store import Pool
pool = Pool(pathlib.Path(sys.argv[1]))
with pool.claim("k1"), pool.temporary("k1") as directory:
    print(directory, flush=True)
    time.sleep(60)
"""


def test_what_another_process_writes_stays_until_that_process_ends(pool: Pool) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, pool.root], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        directory = Path(holder.stdout.readline().strip())
        pool.sweep()
        assert directory.is_dir()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    pool.sweep()
    assert not directory.exists()
