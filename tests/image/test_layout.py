import subprocess
from pathlib import Path, PurePosixPath

import pytest

from factory.image import layout


def test_where_things_are() -> None:
    assert layout.name("12.4") == "localhost/flash-attn-builder:cuda12.4"
    assert str(layout.cuda_home("13.0")) == "/usr/local/cuda-13.0"
    assert str(layout.python_home("3.10")) == "/opt/python/cp310-cp310"
    assert layout.linker_config(["3.9", "3.13"]) == "/opt/python/cp39-cp39/lib\n/opt/python/cp313-cp313/lib\n"


def test_the_path_has_no_interpreter_of_its_own() -> None:
    settings = layout.changes("12.4")
    assert "ENV CUDA_HOME=/usr/local/cuda-12.4" in settings
    assert not any("/opt/python" in setting for setting in settings)


@pytest.mark.parametrize(
    ("directory", "names", "unwanted"),
    [
        (".", {"test", "site-packages", "tkinter", "os.py", "ctypes"}, {"test", "site-packages", "tkinter"}),
        (".", {"EXTERNALLY-MANAGED", "ensurepip"}, {"EXTERNALLY-MANAGED"}),
        ("unittest", {"test", "case.py", "tkinter"}, {"test"}),
        ("config-3.10-x86_64-linux-gnu", {"libpython3.10.a", "Makefile"}, {"libpython3.10.a"}),
        ("__pycache__", {"os.cpython-310.opt-1.pyc", "os.cpython-310.pyc"}, {"os.cpython-310.opt-1.pyc"}),
    ],
)
def test_what_of_the_standard_library_is_left_out(directory: str, names: set[str], unwanted: set[str]) -> None:
    assert layout.left_out(PurePosixPath(directory), names) == unwanted


def test_the_trial_ends_at_the_first_thing_that_fails(tmp_path: Path) -> None:
    script = layout.trial("12.4", ["3.10"])
    (tmp_path / "g++").write_text("#!/bin/sh\nexit 7\n")
    (tmp_path / "g++").chmod(0o755)
    done = subprocess.run(["/bin/sh", "-c", script], env={"PATH": str(tmp_path)}, check=False, capture_output=True)
    assert done.returncode == 7
    assert "/opt/python/cp310-cp310/bin/pip --version" in script
