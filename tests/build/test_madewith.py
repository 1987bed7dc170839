import platform
import sys
from pathlib import Path

from factory.build import madewith, setup
from factory.environment.environment import Environment
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.toolkit.toolkit import CudaRuntime
from tests.frozen import MATRIX
from tests.kernelsets import INPUTS


def test_a_wheel_tells_the_cuda_of_its_kernels_and_its_own(tmp_path: Path) -> None:
    matrix = load_matrix(MATRIX.read_text(encoding="utf-8"))
    cell = next(row.cell for row in expand(matrix) if row.cell.cuda == "12.8")
    runtime = CudaRuntime(version="12.8", home=tmp_path, release="12.8.93", digest="d", origin="here")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    environment = Environment(root=tmp_path, site_packages=tmp_path)
    told = madewith.here(setup.wanted(cell, matrix), INPUTS, environment, runtime, {})
    assert (told.kernels.toolkit, told.runtime, told.runtime_sha256) == (INPUTS.toolkit, "12.8.93", "d")
    assert told.environment == tmp_path.name
    assert told.python == platform.python_version()
