import threading
from pathlib import Path

import pytest

from factory.errors import FactoryError
from factory.pool.inventory import by_hash, by_presence, check, holding, remove_leftovers, remove_sets
from factory.pool.store import Pool
from tests.kernelsets import PARTS, content, files, fill, kernel_set, key_of, put, whole_keys

ONE, TWO = kernel_set("a.cu", "b.cu"), kernel_set("b.cu", "c.cu", profile="full")


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """Two sets that have one unit in common."""
    made = Pool(tmp_path / "pool")
    fill(made, ONE, "a.cu", "b.cu")
    fill(made, TWO, "b.cu", "c.cu")
    return made


def size_of(*sources: str) -> int:
    return sum(len(content(source, part)) for source in sources for part in PARTS)


def test_what_is_here_of_a_set(pool: Pool) -> None:
    held = holding(ONE, by_hash(pool))
    assert (held.complete, held.units, len(held.here), held.size) == (True, 2, 6, size_of("a.cu", "b.cu"))


@pytest.mark.parametrize("damage", [None, b"damaged"])
def test_what_is_not_here_of_a_set(pool: Pool, damage: bytes | None) -> None:
    path = pool.object_path(pool.by_key()[key_of("a.cu", "sm_80")])
    path.unlink() if damage is None else path.write_bytes(damage)
    held = holding(ONE, by_hash(pool))
    assert (held.complete, held.units, len(held.here)) == (False, 1, 5)
    assert held.here == holding(ONE, by_presence(pool)).here


def test_a_whole_pool_checks_and_stays_as_it_is(pool: Pool) -> None:
    before = files(pool.root)
    found = check(pool)
    assert (found.objects, found.records, found.sets, found.lone_records, found.lone_objects) == ((), (), (), 0, 0)
    assert files(pool.root) == before


def test_a_check_finds_all_damage_at_once(pool: Pool) -> None:
    altered, lost, unreadable = (pool.by_key()[key_of("a.cu", part)] for part in PARTS)
    pool.object_path(altered).write_bytes(b"damaged")
    pool.object_path(lost).unlink()
    (pool.root / "parts" / f"{key_of('a.cu', unreadable.part)}.json").write_text("{")
    (pool.root / "sets" / "kernels-x.json").write_text("{}")
    found = check(pool)
    assert found.objects == (altered.sha256,)
    assert found.records == (key_of("a.cu", unreadable.part),)
    assert [path.name for path in found.sets] == ["kernels-x.json"]
    assert (found.lone_records, found.lone_objects) == (2, 1)
    again = check(pool)
    assert (again.objects, again.records, len(again.sets)) == ((), (), 1)
    assert whole_keys(pool, TWO) == set(TWO.keys)


def test_removing_a_set_keeps_what_another_lists(pool: Pool) -> None:
    freed = remove_sets(pool, [ONE])
    assert freed.sets == {ONE.name: size_of("a.cu")}
    assert (freed.objects, freed.held) == (0, ())
    assert pool.sets() == [TWO]
    assert whole_keys(pool, ONE) == {key_of("b.cu", part) for part in PARTS}
    assert whole_keys(pool, TWO) == set(TWO.keys)


def test_removing_a_set_keeps_an_object_that_a_part_of_another_shares(pool: Pool) -> None:
    put(pool, "a.cu", "host", content("c.cu", "host"))
    remove_sets(pool, [ONE])
    assert whole_keys(pool, TWO) == set(TWO.keys)


def test_removing_all_sets_leaves_nothing(pool: Pool) -> None:
    freed = remove_sets(pool, [ONE, TWO])
    assert sum(freed.sets.values()) == size_of("a.cu", "b.cu", "c.cu")
    assert files(pool.root) == {}


def test_a_set_in_use_stays(pool: Pool) -> None:
    pool.hold(TWO)
    freed = remove_sets(pool, [ONE, TWO])
    assert (list(freed.sets), freed.held) == ([ONE.name], (TWO.name,))
    assert pool.sets() == [TWO]
    assert whole_keys(pool, TWO) == set(TWO.keys)


def test_several_processes_may_use_a_set(pool: Pool) -> None:
    pool.hold(ONE)
    Pool(pool.root).hold(ONE)
    assert remove_sets(pool, [ONE]).held == (ONE.name,)


def test_leftovers_are_what_no_set_lists(pool: Pool) -> None:
    before = files(pool.root)
    put(pool, "d.cu", "host", b"of no set")
    (pool.root / "objects" / ("0" * 64)).write_bytes(b"of no part")
    (pool.root / "parts" / f"{'0' * 64}.json").write_text("{")
    (pool.root / "tmp" / "k1-killed" / "kept").mkdir(parents=True)
    (pool.root / "tmp" / "k1-killed" / "kept" / "unit.ptx").write_bytes(b"half a compile")
    assert remove_leftovers(pool) == len(b"of no set" + b"of no part" + b"half a compile")
    assert files(pool.root) == before
    assert remove_leftovers(pool) == 0


def test_leftovers_of_a_compile_that_runs_stay(pool: Pool) -> None:
    with pool.claim("k1"), pool.temporary("k1") as directory:
        (directory / "unit.ptx").write_bytes(b"half a compile")
        assert remove_leftovers(pool) == 0
        assert (directory / "unit.ptx").exists()


@pytest.mark.parametrize("remove", [lambda pool: remove_sets(pool, [ONE]), remove_leftovers])
def test_nothing_is_removed_while_a_list_cannot_be_read(pool: Pool, remove: object) -> None:
    assert callable(remove)
    path = pool.root / "sets" / f"{TWO.name}.json"
    path.write_text(path.read_text()[:-1])
    before = files(pool.root)
    with pytest.raises(FactoryError, match="nothing was removed") as caught:
        remove(pool)
    assert path.name in caught.value.why[0]
    assert files(pool.root) == before


def test_who_removes_waits_for_who_adds(pool: Pool) -> None:
    lone = pool.root / "objects" / ("0" * 64)
    remover = threading.Thread(target=remove_leftovers, args=[pool])
    with pool.adding():
        lone.write_bytes(b"its record comes later")
        remover.start()
        remover.join(0.2)
        assert lone.exists()
    remover.join(30)
    assert not lone.exists()


def test_who_adds_waits_for_who_removes(pool: Pool) -> None:
    adder = threading.Thread(target=put, args=[pool, "d.cu", "host", b"new"])
    with pool.alone():
        adder.start()
        adder.join(0.2)
        assert pool.record(key_of("d.cu", "host")) is None
    adder.join(30)
    assert pool.get(key_of("d.cu", "host")) is not None
