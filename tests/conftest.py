import os
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import settings

from tests import smalltoolkit
from tests.githubserver import GithubServer, github_server
from tests.wheelmaker import Maker, compile_module

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("factory", deadline=None)
settings.load_profile("factory")

LIVE = os.path.realpath(Path(__file__).parents[1] / "matrix.yaml")


# Texts name commands as nox has them where nox was asked, as for all tests; a test of other ways takes it away.
os.environ.setdefault("NOX_CURRENT_SESSION", "tests")


class Guard:
    """Fails whoever reads the real matrix unasked: what somebody chooses there must break no test of the code."""

    allowed = False

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        # os.open gives no mode, and may mean a name in a directory that is open: rmtree does.
        read = event == "open" and arguments[1] is not None
        if read and not self.allowed and str(arguments[0]).endswith("matrix.yaml"):
            assert isinstance(arguments[0], str | Path)
            if os.path.realpath(arguments[0]) == LIVE:
                pytest.fail("this reads the real matrix.yaml: take tests.frozen.MATRIX, or mark the test live_matrix")


guard = Guard()
sys.addaudithook(guard)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    guard.allowed = item.get_closest_marker("live_matrix") is not None
    try:
        return (yield)
    finally:
        guard.allowed = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that in the end no process is left with it while another has nothing to do."""
    items.sort(key=lambda item: "integration" not in item.path.parts)


@pytest.fixture(scope="session", autouse=True)
def _no_job() -> Iterator[None]:
    """Keep what the tests do off the page of the GitHub job they run in, and its remarks."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def github() -> Iterator[GithubServer]:
    with github_server() as server:
        yield server


@pytest.fixture
def server(github: GithubServer) -> Iterator[GithubServer]:
    """Give a GitHub of which nothing is left from other tests; that nothing went wrong on its side is checked."""
    github.reset()
    yield github
    assert github.wrong == []


@pytest.fixture
def toolkit() -> Callable[..., Path]:
    """Makes a directory that looks like a toolkit: every file is there, nvcc says its release and nothing else."""
    return smalltoolkit.make


@pytest.fixture(scope="session")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    scratch = tmp_path_factory.mktemp("maker")
    return Maker(scratch, lru_cache(lambda binary: compile_module(binary, scratch)))
