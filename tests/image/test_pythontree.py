import os
import shutil
import sys
from pathlib import Path

import pytest

from factory.errors import InterpreterError
from factory.image.pythontree import PythonTree, copy, find, packages

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def interpreter(path: Path, prefix: Path | str) -> Path:
    """Makes a program that says of itself what ``find`` asks: a CPython 3.10 below ``prefix``."""
    path.parent.mkdir(parents=True)
    path.write_text(
        f'#!/bin/sh\ncase "$3" in *base_prefix*) echo {prefix};; *) echo 3.10 cpython-310-x86_64-linux-gnu;; esac\n'
    )
    path.chmod(0o755)
    return path


def test_the_system_s_own_interpreters_are_passed_over(tmp_path: Path) -> None:
    system = interpreter(tmp_path / "system/python3.10", "/usr")
    venv = interpreter(tmp_path / "venv/python3.10", "/usr")
    ours = interpreter(tmp_path / "ours/bin/python3.10", tmp_path / "ours")
    env = {
        "PATH": f"{venv.parent}:{system.parent}:{ours.parent}",
        "HOME": str(tmp_path),
        "FACTORY_CACHE": str(tmp_path / "cache"),
    }
    assert find("3.10", env) == PythonTree(version="3.10", prefix=tmp_path / "ours")


def test_only_the_system_s_own_is_none(tmp_path: Path) -> None:
    system = interpreter(tmp_path / "system/python3.10", "/usr")
    with pytest.raises(InterpreterError, match=r"no CPython 3\.10"):
        find("3.10", {"PATH": str(system.parent), "HOME": str(tmp_path), "FACTORY_CACHE": str(tmp_path / "cache")})


def test_one_that_pyenv_has_of_the_system_is_none(tmp_path: Path) -> None:
    interpreter(tmp_path / ".pyenv/versions/3.10.1/bin/python3.10", "/usr")
    with pytest.raises(InterpreterError, match="can be copied") as raised:
        find("3.10", {"PATH": "/none", "HOME": str(tmp_path), "FACTORY_CACHE": str(tmp_path / "cache")})
    assert "uv python install 3.10" in raised.value.remedy


@pytest.fixture
def tree(tmp_path: Path) -> PythonTree:
    prefix = tmp_path / "from"
    for name, text in {
        "bin/python3.10": "program",
        "bin/pip3.10": f"#!{prefix}/bin/python3.10",
        "include/python3.10/Python.h": "header",
        "lib/libpython3.10.so.1.0": "library",
        "lib/python3.10/os.py": "module",
        "lib/python3.10/test/test_os.py": "test",
        "lib/python3.10/site-packages/numpy/__init__.py": "package",
        "lib/python3.10/_sysconfigdata__linux_x86_64-linux-gnu.py": f"LIBDIR = '{prefix}/lib'",
        "lib/python3.10/__pycache__/_sysconfigdata__linux_x86_64-linux-gnu.cpython-310.pyc": f"{prefix}/lib",
        "lib/python3.10/config-3.10-x86_64-linux-gnu/Makefile": f"prefix={prefix}",
    }.items():
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).write_text(text)
    (prefix / "lib/libpython3.10.so").symlink_to("libpython3.10.so.1.0")
    return PythonTree(version="3.10", prefix=prefix)


def test_a_copy_stands_where_manylinux_images_have_it(tmp_path: Path, tree: PythonTree) -> None:
    copy(tree, tmp_path / "root")
    home = tmp_path / "root/opt/python/cp310-cp310"
    assert (home / "bin/python").read_text() == "program"
    assert (home / "lib/libpython3.10.so").readlink() == Path("libpython3.10.so.1.0")
    assert (home / "include/python3.10/Python.h").is_file()
    assert list((home / "lib/python3.10/site-packages").iterdir()) == []
    assert not (home / "lib/python3.10/test").exists()


def test_nothing_of_a_copy_names_where_it_came_from(tmp_path: Path, tree: PythonTree) -> None:
    copy(tree, tmp_path / "root")
    texts = [path.read_text() for path in (tmp_path / "root").rglob("*") if path.is_file()]
    assert not [text for text in texts if str(tree.prefix) in text]
    assert "LIBDIR = '/opt/python/cp310-cp310/lib'" in texts


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="asks this machine's own dpkg")
def test_libraries_come_from_packages() -> None:
    named = packages([PythonTree(version=HERE, prefix=Path(sys.base_prefix))], {"PATH": os.environ["PATH"]})
    assert "libc6" in named
    assert not [name for name in named if name.startswith(("libtk", "libx11")) or " " in name or "/" in name]
