from pathlib import Path

from factory.kernels.kernels import Origins, stocked
from factory.kernels.page import UnitCost
from factory.kernels.shard import Shard
from factory.kernels.stats import cost, tally
from factory.kernels.unit import Stage, Unit
from factory.matrix.arch import Arch
from factory.matrix.kernelset import KernelSetId
from factory.pool.store import Pool
from tests.kernelsets import PARTS, content, fill, kernel_set, key_of, put

NEED = KernelSetId(flash_attn="2.7.4.post1", cuda="12.4", archs=(Arch(8, 0),), profile="smoke", machine="x86_64")


def unit(source: str) -> Unit:
    host, ptx, code = (key_of(source, part) for part in PARTS)
    stage = Stage(virtual=Arch(8, 0), ptx=ptx, embedded=True, code=((Arch(8, 0), code),))
    return Unit(source=source, host=host, stub=f"stub of {host}", stages=(stage,))


SOURCES = ("pooled.cu", "fetched.cu", "made.cu", "left.cu")
UNITS = tuple(map(unit, SOURCES))


def test_units_are_told_apart_by_where_they_came_from(tmp_path: Path) -> None:
    pool = Pool(tmp_path)
    fill(pool, kernel_set(*SOURCES), "pooled.cu", "fetched.cu", "made.cu")
    put(pool, "left.cu", "host", content("left.cu", "host"))  # a unit lacks all while it lacks one part
    there = stocked(UNITS, pool)
    assert there == {one.host for one in UNITS[:3]}
    origins = Origins(
        mine=UNITS, pooled=frozenset([UNITS[0].host]), fetched=frozenset([UNITS[1].host]), left=1, seconds=9
    )
    made = tally(NEED, Shard.parse("1/4"), origins, pool)
    assert made.name == "fa2.7.4.post1 cu124 8.0 smoke, shard 1/4"
    assert [[row.name for row in rows] for rows in (made.pooled, made.fetched, made.compiled)] == [
        ["pooled"],
        ["fetched"],
        ["made"],
    ]
    assert (made.units, made.left, made.seconds, made.hit_rate) == (4, 1, 9, 0.25)


def test_a_compile_that_made_several_parts_is_counted_once(tmp_path: Path) -> None:
    pool = Pool(tmp_path)
    fill(pool, kernel_set("a.cu"), "a.cu")
    assert cost(unit("a.cu"), pool) == UnitCost(name="a", cpu_seconds=1.5, wall_seconds=2.5, peak=1)


def test_what_is_not_there_cost_nothing(tmp_path: Path) -> None:
    assert cost(unit("a.cu"), Pool(tmp_path)) == UnitCost(name="a", cpu_seconds=0, wall_seconds=0, peak=0)
