from pathlib import Path

import pytest

from factory.kernels import kernels
from tests.integration.bench import Bench, Made, make_bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A kernel set and the wheel made from it."""
    bench = make_bench(tmp_path_factory.mktemp("bench"))
    ready = kernels.kernels(bench.kernels, bench.session)
    return bench, ready, bench.build(ready, tmp_path_factory.mktemp("dist"))
