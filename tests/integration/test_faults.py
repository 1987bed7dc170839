"""What must not happen whatever goes wrong with disks, toolkits, clocks: a wrong object, a lost one, one made twice."""

import os
import shutil
from pathlib import Path

import pytest

from tests.integration.lab import UNITS, Lab, filled, make_lab, small_disk


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path / "lab")


def test_a_full_disk_is_named_and_what_was_finished_is_kept(lab: Lab, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        (disk / "pool").mkdir()
        (lab.cache / "pool").symlink_to(disk / "pool")
        assert lab.run("--shard", "1/3")[0] == 0
        before = lab.parts()
        for left in (0, 4096, 1_500_000):
            with filled(disk, but=left):
                status, output = lab.run()
            assert status == 34, output
            assert "Free some space" in output
            assert lab.parts() == before
        status, output = lab.run()
        assert status == 0, output
        assert lab.complete()
        assert before.items() <= lab.parts().items()
    assert sorted(lab.compiled().values()) == [1] * UNITS


def test_a_toolkit_changed_under_the_same_path_gets_kernels_of_its_own(lab: Lab) -> None:
    include = lab.cuda / "include"
    real = include.resolve()
    include.unlink()
    shutil.copytree(real, include)
    assert lab.run("--shard", "1/3")[0] == 0
    before = lab.parts()
    header = include / "cuda_runtime.h"
    times = header.stat()
    with header.open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))
    os.utime(header, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert lab.run("--shard", "1/3")[0] == 0
    assert len(lab.parts()) == 2 * len(before)
    assert list(lab.compiled().values()) == [2]


def test_no_clock_is_believed(lab: Lab) -> None:
    assert lab.run("--shard", "1/3")[0] == 0
    before = lab.parts()
    for clock in (0, 4102444800):  # 1970 and 2100
        (lab.pool.root / "tmp" / "leftover").mkdir()
        for path in (*lab.cache.rglob("*"), *lab.cuda.rglob("*")):
            os.utime(path, (clock, clock), follow_symlinks=False)
        status, output = lab.run("--shard", "1/3")
        assert status == 0, output
        assert "1 in the pool, 0 to compile" in output
        assert list((lab.pool.root / "tmp").glob("*")) == []
    assert lab.parts().keys() == before.keys()
    assert list(lab.compiled().values()) == [1]


def test_a_round_that_its_time_limit_ended_is_continued_by_the_next(lab: Lab) -> None:
    assert lab.run("--shard", "1/3")[0] == 0
    before = lab.parts()
    with lab.stopped():
        status, output = lab.run("--minutes", "1", "--outcome", "outcome")
    assert status == 0, output
    assert lab.parts() == before
    status, output = lab.run("--minutes", "9", "--outcome", "outcome")
    assert status == 0, output
    assert (lab.here / "outcome").read_text() == f"left={UNITS - 1}\nleft=0\n"
    assert lab.complete()
    assert sorted(lab.compiled().values()) == [1] * UNITS
