"""What must not happen whatever goes wrong: a wrong object, a lost one, one compiled twice."""

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from tests.integration.lab import UNITS, Lab, filled, kill, make_lab, small_disk


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path / "lab")


def parts(lab: Lab) -> dict[str, tuple[int, int]]:
    """Tell each stored part from one of the same key that was stored again."""
    found = ((path, path.stat()) for path in (lab.pool.root / "parts").glob("*.json"))
    return {path.name: (stat.st_ino, stat.st_mtime_ns) for path, stat in found}


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_it_goes_on_and_makes_nothing_twice(lab: Lab, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - only moments are drawn
    before: dict[str, tuple[int, int]] = {}
    for _ in range(2):
        process = lab.start()
        time.sleep(dice.uniform(0.5, 4))
        kill(process, everything=dice.random() < 0.5)
        now = parts(lab)
        assert before.items() <= now.items()
        before = now
    status, output = lab.run()
    assert status == 0, output
    assert lab.complete()
    assert before.items() <= parts(lab).items()
    assert list((lab.pool.root / "tmp").glob("*")) == []


def test_a_full_disk_is_named_and_what_was_finished_is_kept(lab: Lab, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        (disk / "pool").mkdir()
        (lab.cache / "pool").symlink_to(disk / "pool")
        assert lab.run("--shard", "1/3")[0] == 0
        before = parts(lab)
        for left in (0, 4096, 1_500_000):
            with filled(disk, but=left):
                status, output = lab.run()
            assert status == 34, output
            assert "Free some space" in output
            assert parts(lab) == before
        status, output = lab.run()
        assert status == 0, output
        assert lab.complete()
        assert before.items() <= parts(lab).items()
    assert sorted(lab.compiled().values()) == [1] * UNITS


def test_two_at_once_share_the_work(lab: Lab) -> None:
    both = [lab.start(), lab.start()]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert lab.complete()
    assert sorted(lab.compiled().values()) == [1] * UNITS


def test_a_toolkit_changed_under_the_same_path_gets_kernels_of_its_own(lab: Lab) -> None:
    include = lab.cuda / "include"
    real = include.resolve()
    include.unlink()
    shutil.copytree(real, include)
    assert lab.run("--shard", "1/3")[0] == 0
    before = parts(lab)
    header = include / "cuda_runtime.h"
    times = header.stat()
    with header.open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))
    os.utime(header, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert lab.run("--shard", "1/3")[0] == 0
    assert len(parts(lab)) == 2 * len(before)
    assert list(lab.compiled().values()) == [2]


def test_no_clock_is_believed(lab: Lab) -> None:
    assert lab.run("--shard", "1/3")[0] == 0
    before = parts(lab)
    for clock in (0, 4102444800):  # 1970 and 2100
        (lab.pool.root / "tmp" / "leftover").mkdir()
        for path in (*lab.cache.rglob("*"), *lab.cuda.rglob("*")):
            os.utime(path, (clock, clock), follow_symlinks=False)
        status, output = lab.run("--shard", "1/3")
        assert status == 0, output
        assert "1 in the pool, 0 to compile" in output
        assert list((lab.pool.root / "tmp").glob("*")) == []
    assert parts(lab).keys() == before.keys()
    assert list(lab.compiled().values()) == [1]


def test_a_round_that_its_time_limit_ended_is_continued_by_the_next(lab: Lab) -> None:
    assert lab.run("--shard", "1/3")[0] == 0
    before = parts(lab)
    with lab.stopped():
        status, output = lab.run("--minutes", "1", "--outcome", "outcome")
    assert status == 0, output
    assert parts(lab) == before
    status, output = lab.run("--minutes", "9", "--outcome", "outcome")
    assert status == 0, output
    assert (lab.here / "outcome").read_text() == f"left={UNITS - 1}\nleft=0\n"
    assert lab.complete()
    assert sorted(lab.compiled().values()) == [1] * UNITS
