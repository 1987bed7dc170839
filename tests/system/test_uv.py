import sys
from pathlib import Path

import pytest

from factory.system import process
from factory.system.uv import find_uv

BESIDE = Path(sys.executable).with_name("uv")  # the test dependencies bring it


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("path", ["", "/none"])
def test_the_one_beside_this_python_where_no_other_is(path: str) -> None:
    assert find_uv({"PATH": path}) == BESIDE
    assert find_uv({}) == BESIDE


def test_one_on_path_goes_before_it_and_the_variable_before_both(tmp_path: Path) -> None:
    on_path, named = program(tmp_path / "bin" / "uv"), program(tmp_path / "named" / "uv-0.9")
    env = {"PATH": str(on_path.parent)}
    assert find_uv(env) == on_path
    assert find_uv(env | {"UV": str(named)}) == named
    assert find_uv(env | {"UV": "uv"}) == on_path
    assert find_uv(env | {"UV": ""}) == on_path


def test_a_variable_that_leads_nowhere_means_none(tmp_path: Path) -> None:
    assert find_uv({"PATH": str(program(tmp_path / "uv").parent), "UV": f"{tmp_path}/none"}) is None


def test_uv_names_itself_to_what_it_starts(tmp_path: Path) -> None:
    options = ("--no-project", "--no-config", "--offline", "--python", sys.executable)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    asks = ("python", "-c", "import os; print(os.environ['UV'])")
    done = process.run([BESIDE, "run", *options, *asks], cwd=tmp_path, env=env)
    assert Path(done.stdout.strip()).samefile(find_uv(env) or tmp_path), done.stderr
