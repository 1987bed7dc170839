from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from factory.environment.environment import Environment
from factory.errors import InstallError, InterpreterError
from factory.gpu_test import testenv
from factory.matrix.arch import Arch
from factory.system import process
from factory.wheel import elf
from factory.wheel.fatbin import GpuCode
from tests.smalltrial import FILENAME, TAG, python_with_torch
from tests.wheelmaker import Binary, Parts, compile_module


def wheel(directory: Path, filename: str = FILENAME) -> Path:
    """Write a wheel without machine code, which these tests need not load."""
    with zipfile.ZipFile(directory / filename, "w") as archive:
        for name, data in Parts(filename=filename).contents(None).items():
            archive.writestr(name, data)
    return directory / filename


def test_a_python_that_is_here_is_used_and_left_as_it_was(tmp_path: Path) -> None:
    python = python_with_torch(tmp_path / "python")
    before = sorted(path for path in (tmp_path / "python").rglob("*") if "__pycache__" not in path.parts)
    bed = testenv.borrowed(wheel(tmp_path), python, tmp_path / "bed", env={"PATH": ""})
    assert (bed.facts.torch, bed.facts.cuda, bed.facts.cxx11abi) == ("2.6.0+cu124", "12.4", False)
    assert bed.paths == (tmp_path / "bed",)
    assert (tmp_path / "bed" / "flash_attn" / "__init__.py").is_file()
    assert sorted(path for path in (tmp_path / "python").rglob("*") if "__pycache__" not in path.parts) == before


def test_of_the_pythons_on_path_the_first_with_torch_is_used(tmp_path: Path) -> None:
    without, python = tmp_path / "without", python_with_torch(tmp_path / "python")
    without.mkdir()
    (without / "python3").write_text("#!/bin/sh\necho \"No module named 'torch'\" >&2\nexit 1\n")
    (without / "python3").chmod(0o755)
    env = {"PATH": f"{without}:{tmp_path / 'missing'}:{python.parent}"}
    assert testenv.borrowed(wheel(tmp_path), None, tmp_path / "bed", env=env).python == python
    with pytest.raises(InterpreterError) as caught:
        testenv.borrowed(wheel(tmp_path), None, tmp_path / "bed", env={"PATH": str(without)})
    assert caught.value.why == (f"{without / 'python3'}: No module named 'torch'",)
    assert "--python" in caught.value.remedy


def test_a_python_that_is_named_must_have_torch(tmp_path: Path) -> None:
    with pytest.raises(InterpreterError, match="no Python here with torch"):
        testenv.borrowed(wheel(tmp_path), tmp_path / "none", tmp_path / "bed", env={"PATH": ""})


def test_a_clean_environment_has_the_wheel_of_its_own_and_torch_of_another(tmp_path: Path) -> None:
    python = python_with_torch(tmp_path / "kept")
    (site,) = (tmp_path / "kept" / "lib").glob("python*/site-packages")
    environment = Environment(root=tmp_path / "kept", site_packages=site)
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "VIRTUALENV_OVERRIDE_APP_DATA": str(tmp_path / "data"),
        "VIRTUALENV_SYMLINK_APP_DATA": "1",
    }
    assert environment.python.samefile(python)
    bed = testenv.clean(wheel(tmp_path), environment, tmp_path / "bed", env=env)
    asked = "import flash_attn, torch; print(flash_attn.__file__, torch.__file__)"
    done = process.run([bed.python, "-I", "-c", asked], env=env)
    assert [str(tmp_path / "bed"), str(site)] == [
        next(parent for parent in (str(tmp_path / "bed"), str(site)) if word.startswith(parent))
        for word in done.stdout.split()
    ]
    assert not (site / "flash_attn").exists()
    with pytest.raises(InstallError) as caught:
        testenv.clean(wheel(tmp_path, FILENAME.replace(TAG, "cp39")), environment, tmp_path / "again", env=env)
    assert any("not a supported wheel" in line for line in caught.value.why)


def test_all_gpu_code_but_one_form_is_hidden_in_a_copy(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    with zipfile.ZipFile(tmp_path / FILENAME, "w") as archive:
        archive.writestr("code.so", compile_module(Binary(), tmp_path / "scratch"))
        archive.writestr("text.so", "no machine code")
    made = testenv.with_only(GpuCode("real", Arch(8, 0)), tmp_path / FILENAME, "code.so", tmp_path / "out")
    assert {str(image) for unit in elf.read(made, "x").fatbins for image in unit.images} == {"sm_80", "sm_999"}
    with pytest.raises(InstallError, match="cannot be told apart"):
        testenv.with_only(GpuCode("real", Arch(8, 0)), tmp_path / FILENAME, "text.so", tmp_path / "out")


def test_one_file_is_taken_out_of_a_wheel(tmp_path: Path) -> None:
    taken = testenv.unpack_extension(wheel(tmp_path), "flash_attn/__init__.py", tmp_path / "out")
    assert taken.read_text().startswith("__version__")
    with pytest.raises(InstallError):
        testenv.unpack_extension(tmp_path / FILENAME, "none.so", tmp_path / "out")
