from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from factory.build.sbom import Materials, cutlass, describe
from factory.errors import SourceError
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.wheelname import wheel_filename
from factory.wheel import cyclonedx
from factory.wheel.cyclonedx import parts_of
from tests.frozen import MATRIX
from tests.publishing import GATE, RULES, materials, wheel_name
from tests.smallsdist import SDIST


def test_a_wheel_says_what_was_compiled_into_it() -> None:
    matrix = load_matrix(MATRIX.read_bytes())
    cell = expand(matrix)[0].cell
    release, torch = matrix.flash_attn[cell.flash_attn], matrix.torch[cell.torch]
    materials = Materials(release=release, root=SDIST, torch=torch, kernels=cell.cuda)
    made = describe(cell, materials)
    assert made == describe(cell, materials)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made.decode()) is None
    read = json.loads(made)
    assert read["metadata"]["component"]["bom-ref"] == wheel_filename(cell)
    assert "timestamp" not in read["metadata"]
    assert {(part["name"], part["version"]) for part in read["components"]} == {
        ("flash-attn", cell.flash_attn),
        ("CUTLASS", "0.0.1"),
        ("CUDA toolkit", cell.cuda),
        ("torch", torch.release),
    }
    older = json.loads(describe(cell, replace(materials, kernels="12.3")))
    cudas = [part["version"] for part in older["components"] if part["name"] == "CUDA toolkit"]
    assert cudas == ["12.3", cell.cuda]


@pytest.mark.parametrize("name", [wheel_name(), wheel_name("313", "2.9", abi="TRUE", version="2.8.3.post2")])
def test_what_a_build_writes_is_what_publishing_takes(name: str) -> None:
    cell, kernels = GATE.cells[name], GATE.kernels[GATE.cells[name]].cuda
    release, torch = RULES.flash_attn[cell.flash_attn], RULES.torch[cell.torch]
    made = describe(cell, Materials(release=release, root=SDIST, torch=torch, kernels=kernels))
    parts = [cyclonedx.cutlass("3.6.0") if part["name"] == "CUTLASS" else part for part in parts_of(name, made)]
    assert parts == list(materials(name))


@pytest.mark.parametrize("text", [None, "#define CUTLASS_MAJOR 3\n"])
def test_a_cutlass_without_a_version_is_not_guessed(text: str | None, tmp_path: Path) -> None:
    root = Path(shutil.copytree(SDIST, tmp_path / "sdist"))
    header = root / "csrc" / "cutlass" / "include" / "cutlass" / "version.h"
    header.unlink()
    if text:
        header.write_text(text)
    with pytest.raises(SourceError, match="does not say which CUTLASS"):
        cutlass(root)
    shutil.rmtree(header.parent)
    assert cutlass(root) == ()
