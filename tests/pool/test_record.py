"""What a pool's notes may say, and that none of it reaches beyond the pool."""

import json
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from factory.errors import FactoryError
from factory.pool import inventory
from factory.pool.record import Record, SetRecord, lineage
from factory.pool.store import Pool
from tests.kernelsets import PARTS, fill, kernel_set, key_of

SET = kernel_set("a.cu", "b.cu")
LINEAGE = ("compiled_on", "toolkit_sha256", "host_compiler_sha256", "kin")
ODD: list[object] = [
    None,
    True,
    -1,
    10**400,
    1e308,
    "",
    "\ud800",
    "../../victim",
    "/victim",
    [],
    {},
    [1],
    ["\0"],
    0,
    1.5,
]


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    made = Pool(tmp_path / "deep" / "pool")
    fill(made, SET, "a.cu", "b.cu")
    (tmp_path / "victim").write_text("precious")
    return made


def test_a_pool_is_made_when_it_is_written_to(tmp_path: Path) -> None:
    pool = Pool(tmp_path / "pool")
    assert (pool.sets(), pool.records(), pool.sweep(), pool.get("k1")) == ([], [], 0, None)
    assert not pool.root.exists()


def test_a_hash_that_leads_elsewhere_removes_nothing(pool: Pool, tmp_path: Path) -> None:
    key = key_of("a.cu", "host")
    path = pool.root / "parts" / f"{key}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "sha256": "../../../victim"}))
    assert pool.get(key) is None
    assert inventory.check(pool).records == (key,)
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize(
    "changes", [{"keys": ("../../../victim",)}, {"flash_attn": "../../../victim"}, {"units": 0}, {"profile": "full"}]
)
def test_a_set_that_says_what_it_is_not_removes_nothing(pool: Pool, tmp_path: Path, changes: dict[str, object]) -> None:
    made = replace(SET, **changes)  # type: ignore[arg-type]  # the fields' own types
    path = pool.root / "sets" / f"{SET.name}.json"
    path.write_text(json.dumps(asdict(made)))
    assert pool.sets() == []
    with pytest.raises(FactoryError, match="nothing was removed"):
        inventory.remove_sets(pool, [made])
    assert (tmp_path / "victim").read_text() == "precious"


def test_odd_types_and_numbers_count_as_none(pool: Pool, tmp_path: Path) -> None:
    """Every field of every kind of note, with every odd value."""
    files = [*(pool.root / "parts").glob("*.json"), *(pool.root / "sets").glob("*.json")][-4:]
    tried = 0
    for path in files:
        whole = json.loads(path.read_text())
        for field in whole:
            for odd in ODD:
                path.write_text(json.dumps({**whole, field: odd}))
                _read_all(pool)
                tried += 1
        path.write_text(json.dumps(whole))
    assert tried > 500
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("read", [Record.read, SetRecord.read])
def test_flipped_bits_are_read_or_refused(pool: Pool, read: Callable[[bytes], Record | SetRecord]) -> None:
    chance = random.Random(16)  # noqa: S311 - the same each time
    folder = pool.root / ("parts" if read == Record.read else "sets")
    whole = next(folder.glob("*.json")).read_bytes()
    refused = 0
    for _ in range(2000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        try:
            read(bytes(damaged))
        except ValueError:
            refused += 1
    assert 500 < refused < 2000


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 100_000, b"NaN", b"1" * 5000, b"\xef\xbb\xbf{}", b"\xff"])
def test_what_is_hardly_json(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Record.read(text)


def _read_all(pool: Pool) -> None:
    """Read the pool in every way that removes nothing whole."""
    pool.records()
    for kernels in pool.sets():
        held = inventory.holding(kernels, inventory.by_presence(pool))
        assert held.units <= len(PARTS) * 2
        assert held.size >= 0


def test_a_set_of_an_older_list_keeps_its_name_and_has_no_kin() -> None:
    told = {name: value for name, value in asdict(SET).items() if name not in LINEAGE}
    older = SetRecord.of(json.loads(json.dumps(told)))
    assert (older, older.name) == (SET, SET.name)
    assert {getattr(older, name) for name in LINEAGE} == {""}


def test_a_name_says_what_is_of_its_kin_by_another_machine() -> None:
    here = replace(SET, compiled_on="aarch64", kin="a", toolkit_sha256="1", keys=SET.keys[1:])
    there = replace(SET, compiled_on="x86_64", kin="a", toolkit_sha256="2")
    last = there.name.rpartition("-")[2]
    assert last.startswith(lineage(here.kin, "x86_64"))
    assert not last.startswith(lineage(here.kin, "aarch64"))
    assert not last.startswith(lineage("b", "x86_64"))
    assert SetRecord.of(json.loads(json.dumps(asdict(there)))) == there
    assert len(there.name) == len(SET.name)
    assert replace(there, keys=SET.keys[1:]).name != there.name
