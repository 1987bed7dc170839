"""The project as a package: what its metadata names is there, and the command that it installs is the factory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

import pytest

from factory.errors import MatrixError, NoWheelError
from factory.index.published import to_json
from tests.frozen import MATRIX

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


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the factory as a person has it who has no clone: installed from a wheel."""
    home = tmp_path_factory.mktemp("installed")
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert uv is not None
    (home / "clone").mkdir()
    for name in ("factory", "pyproject.toml", "README.md", "LICENSE"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, home / "clone" / name)
    shutil.copy(MATRIX, home / "clone")
    packages: list[str | Path] = ["--target", home / "packages", "--no-deps", home / "clone"]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", sys.executable, *packages], check=True)
    shutil.rmtree(home / "clone")
    return home / "packages"


def typed(installed: Path, at: Path, *words: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); from factory.__main__ import main; sys.exit(main())"
    env = {**os.environ, "FACTORY_CACHE": str(at / "cache")}
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *words], cwd=at, env=env, capture_output=True, text=True, check=False
    )


def test_what_only_reads_works_where_there_is_no_clone(installed: Path, tmp_path: Path) -> None:
    assert (installed / "factory" / "data" / "matrix.yaml").read_bytes() == MATRIX.read_bytes()
    why = typed(installed, tmp_path, "plan", "--why", "cu130", "torch2.6")
    assert "no such cell" in why.stdout, why.stderr
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "wheels.json").write_text(to_json([]))
    nothing = typed(installed, tmp_path, "download", "cu124", "torch2.6", "cp310", "--index", "site")
    assert nothing.returncode == NoWheelError.status, nothing.stderr
    build = typed(installed, tmp_path, "build", "cu124")
    assert build.returncode == MatrixError.status
    assert "in the root of a clone" in build.stderr


def test_a_package_knows_the_repository_it_is_from(installed: Path, tmp_path: Path) -> None:
    (origin,) = installed.glob("*.dist-info/direct_url.json")
    before = origin.read_text()
    code = "from factory.cli import repository; print(repository.known())"
    env = {**os.environ, "PYTHONPATH": str(installed), "GITHUB_REPOSITORY": "in/actions"}
    for url, named in (("https://github.com/someone/wheels.git", "someone/wheels"), ("file:///there", "in/actions")):
        origin.write_text(json.dumps({"url": url, "vcs_info": {"vcs": "git", "commit_id": "0" * 40}}))
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == named
    origin.write_text(before)
