from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.githubserver import GithubServer, github_server

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("factory", deadline=None)
settings.load_profile("factory")


@pytest.fixture(scope="session", autouse=True)
def _no_job_page() -> Iterator[None]:
    """Keep what the tests do off the page of the GitHub job they run in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GITHUB_STEP_SUMMARY", raising=False)
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
