"""The project as a package: what its metadata names is there, and the command that it installs is the factory."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

import pytest

NAME = "flash-attn-wheel-factory"
COMMAND = Path(sys.executable).with_name(NAME)
ROOT = Path(__file__).parents[1]


@pytest.mark.live_matrix
def test_the_installed_command_answers_as_the_module_does() -> None:
    asked = ("plan", "--why", "cu124")
    one, other = (
        subprocess.run([*start, *asked], capture_output=True, text=True, cwd=ROOT, check=True)
        for start in ([COMMAND], [sys.executable, "-m", "factory"])
    )
    assert one.stdout == other.stdout != ""


def test_a_mistake_ends_the_installed_command_with_its_own_status(tmp_path: Path) -> None:
    done = subprocess.run([COMMAND, "plan"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode > 2
    assert "there is no matrix.yaml here" in done.stderr
    assert "Traceback" not in done.stderr


def test_type_checkers_are_told_that_the_package_is_typed() -> None:
    assert files("factory").joinpath("py.typed").is_file()


def test_the_metadata_says_what_it_is() -> None:
    told = distribution(NAME).metadata
    assert told["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in told.get_all("Classifier", [])
    assert all(address.split(", ")[1].startswith("https://") for address in told.get_all("Project-URL", []))
