from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from factory.errors import InterpreterError
from factory.index import probe

TORCH = """
__version__ = "2.6.0+cu124"
class version: cuda = "12.4"
def compiled_with_cxx11_abi(): return False
print("a greeting that some builds of torch print")
"""
SMI = """#!/bin/sh
echo "NVIDIA H100 80GB HBM3, 9.0, 550.54.15"
echo "NVIDIA H100 80GB HBM3, 9.0, 550.54.15"
echo "NVIDIA L4, 8.9, 550.54.15"
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment with a torch, a driver and nothing else."""
    (tmp_path / "torch.py").write_text(TORCH)
    (tmp_path / "nvidia-smi").write_text(SMI)
    (tmp_path / "nvidia-smi").chmod(0o755)
    return {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(tmp_path)}


def test_an_interpreter_tells_its_torch_and_the_driver_its_gpus(env: dict[str, str]) -> None:
    found = probe.read(Path(sys.executable), env)
    here = found.environment
    assert not found.trouble
    assert found.torch_version == "2.6.0+cu124"
    assert here.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert (here.torch, here.cuda, here.cxx11abi) == ("2.6", "12.4", False)
    assert (here.gpus, here.driver) == (("9.0", "8.9"), 550)
    assert here.machine == os.uname().machine
    assert here.glibc == os.confstr("CS_GNU_LIBC_VERSION").split()[1]  # type: ignore[union-attr]


def test_a_machine_without_a_gpu(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    here = probe.read(Path(sys.executable), env).environment
    assert (here.gpus, here.driver) == ((), None)


@pytest.mark.parametrize(
    ("torch", "trouble"),
    [
        ("raise ImportError('libcudart.so.12: cannot open')", "torch cannot be imported (ImportError: libcudart.so.12"),
        (TORCH.replace('"12.4"', "None").replace("+cu124", "+cpu"), "torch 2.6.0+cpu is built without CUDA"),
    ],
)
def test_why_no_wheel_can_be_chosen(torch: str, trouble: str, env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(torch)
    assert probe.read(Path(sys.executable), env).trouble.startswith(trouble)


def test_what_is_no_python_is_named(env: dict[str, str]) -> None:
    with pytest.raises(InterpreterError, match="/bin/false did not say what it is"):
        probe.read(Path("/bin/false"), env)


def test_the_interpreter_is_the_persons_and_not_this_programs_own(tmp_path: Path) -> None:
    theirs = tmp_path / "venv" / "bin"
    theirs.mkdir(parents=True)
    (theirs / "python3").touch()
    own = Path(sys.prefix) / "bin"
    assert probe.interpreter({"PATH": f"{own}:{theirs}"}) == theirs / "python3"
    with pytest.raises(InterpreterError, match="there is no python on PATH"):
        probe.interpreter({"PATH": str(own)})


def test_the_system_s_interpreter_is_the_person_s_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    assert probe.interpreter({"PATH": f"{tmp_path}/bin"}) == tmp_path / "bin" / "python3"
