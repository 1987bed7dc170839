from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    about = "keep the wheels that are built here, a folder for each way, and take those that are here already"
    parser.addoption("--wheels", type=Path, metavar="DIR", help=about)
