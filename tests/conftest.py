from collections.abc import Iterator

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("factory", deadline=None)
settings.load_profile("factory")


@pytest.fixture(scope="session", autouse=True)
def _no_job_page() -> Iterator[None]:
    """Keep what the tests do off the page of the GitHub job they run in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GITHUB_STEP_SUMMARY", raising=False)
        yield
