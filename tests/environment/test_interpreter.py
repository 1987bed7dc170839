import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from factory.environment.interpreter import find
from factory.errors import InterpreterError

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def real(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(sys.executable)
    return path


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_from_path(tmp_path: Path) -> None:
    wanted = real(tmp_path / "bin" / f"python{HERE}")
    assert find(HERE, {"PATH": f"{tmp_path}/none:{wanted.parent}"}) == wanted


@pytest.mark.parametrize("hint", ["PYENV_ROOT", "PATH", "HOME"])
def test_from_pyenv_past_its_shims(tmp_path: Path, hint: str) -> None:
    root = tmp_path / ".pyenv"
    wanted = real(root / "versions" / f"{HERE}.7" / "bin" / f"python{HERE}")
    script(root / "shims" / f"python{HERE}", "exit 127")
    env = {"PYENV_ROOT": str(root), "PATH": f"{root}/shims", "HOME": str(tmp_path)}
    assert find(HERE, {"PATH": "/none", hint: env[hint]}) == wanted


@pytest.mark.parametrize(
    "broken", ["exit 0", "exit 1", "echo", f"echo {HERE}", f"echo {HERE} pypy311-pp73", "echo 2.7 cpython-27-x"]
)
def test_what_does_not_answer_as_it_should_is_passed_over(tmp_path: Path, broken: str) -> None:
    script(tmp_path / "a" / f"python{HERE}", broken)
    wanted = real(tmp_path / "b" / f"python{HERE}")
    assert find(HERE, {"PATH": f"{tmp_path}/a:{tmp_path}/b"}) == wanted


@pytest.mark.parametrize("soabi", ["cpython-313t-x86_64-linux-gnu", "cpython-313d-x86_64-linux-gnu"])
def test_a_free_threaded_or_debug_build_is_another_python(tmp_path: Path, soabi: str) -> None:
    script(tmp_path / "python3.13", f"echo 3.13 {soabi}")
    with pytest.raises(InterpreterError, match=soabi):
        find("3.13", {"PATH": str(tmp_path), "HOME": str(tmp_path), "FACTORY_CACHE": str(tmp_path / "cache")})


def test_one_without_its_headers_is_passed_over(tmp_path: Path) -> None:
    """As Debian's python3 is without python3-dev."""
    alone = tmp_path / "alone"
    (alone / "lib").mkdir(parents=True)
    (alone / "lib" / f"python{HERE}").symlink_to(sysconfig.get_path("stdlib"))
    copied = alone / "bin" / f"python{HERE}"
    copied.parent.mkdir()
    shutil.copy(Path(sys.executable).resolve(), copied)
    wanted = real(tmp_path / "b" / f"python{HERE}")
    assert find(HERE, {"PATH": f"{copied.parent}:{wanted.parent}"}) == wanted


def test_directories_that_cannot_be_searched_are_passed_over(tmp_path: Path) -> None:
    unseen = "/" + "x" * 300  # no system call takes so long a name: an error for root too
    wanted = real(tmp_path / ".pyenv" / "versions" / f"{HERE}.7" / "bin" / f"python{HERE}")
    assert find(HERE, {"PATH": f"{unseen}:{unseen}/shims", "PYENV_ROOT": unseen, "HOME": str(tmp_path)}) == wanted


def test_from_uv(tmp_path: Path) -> None:
    wanted = real(tmp_path / "uv-made" / f"python{HERE}")
    script(tmp_path / "bin" / "uv", f'test "$*" = "python find --no-python-downloads {HERE}" && echo {wanted}')
    assert find(HERE, {"PATH": f"{tmp_path}/bin", "HOME": str(tmp_path)}) == wanted


def test_none_says_what_was_tried_and_how_to_get_one(tmp_path: Path) -> None:
    shim = script(tmp_path / "bin" / "python3.10", "echo 'pyenv: python3.10: command not found' >&2; exit 127")
    with pytest.raises(InterpreterError, match=r"no CPython 3\.10") as caught:
        find("3.10", {"PATH": str(shim.parent), "HOME": str(tmp_path), "FACTORY_CACHE": str(tmp_path / "cache")})
    assert f"{shim}: pyenv: python3.10: command not found" in caught.value.why
    assert "uv python install 3.10" in caught.value.remedy
