"""What must not happen when the factory is killed or runs twice: a wrong object, a lost one, one compiled twice."""

import random
import time
from pathlib import Path

import pytest

from tests.integration.lab import UNITS, Lab, kill, make_lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path / "lab")


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_it_goes_on_and_makes_nothing_twice(lab: Lab, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - only moments are drawn
    before: dict[str, tuple[int, int]] = {}
    for _ in range(2):
        process = lab.start()
        time.sleep(dice.uniform(0.5, 4))
        kill(process, everything=dice.random() < 0.5)
        now = lab.parts()
        assert before.items() <= now.items()
        before = now
    status, output = lab.run()
    assert status == 0, output
    assert lab.complete()
    assert before.items() <= lab.parts().items()
    assert list((lab.pool.root / "tmp").glob("*")) == []


def test_two_at_once_share_the_work(lab: Lab) -> None:
    both = [lab.start(), lab.start()]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert lab.complete()
    assert sorted(lab.compiled().values()) == [1] * UNITS
