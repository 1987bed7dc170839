from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import smalltoolkit

Maker = Callable[..., Path]


@pytest.fixture
def toolkit() -> Maker:
    """Makes a directory that looks like a toolkit: every file is there, nvcc says its release and nothing else."""
    return smalltoolkit.make
