from __future__ import annotations

from functools import lru_cache

import pytest

from tests.wheelmaker import Maker, compile_module


@pytest.fixture(scope="session")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    scratch = tmp_path_factory.mktemp("maker")
    return Maker(scratch, lru_cache(lambda binary: compile_module(binary, scratch)))
