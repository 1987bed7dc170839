from pathlib import Path

import pytest

from factory.kernels import kernels
from tests.integration.bench import Bench, Compiled, Made, make_bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """A kernel set, which no torch took part in."""
    bench = make_bench(tmp_path_factory.mktemp("bench"))
    return bench, kernels.kernels(bench.kernels, bench.session)


@pytest.fixture(scope="module")
def made(compiled: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A kernel set and the wheel made from it."""
    bench, ready = compiled
    return bench, ready, bench.build(ready, tmp_path_factory.mktemp("dist"))
