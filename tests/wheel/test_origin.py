from __future__ import annotations

import pytest

from factory.errors import CellError
from factory.matrix import wheelname
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.model import State
from factory.wheel.origin import profile_of, torch_of
from tests.frozen import MATRIX

RULES = load_matrix(MATRIX.read_text())
FILENAME = "flash_attn-2.8.3.post2+cu12torch2.12cxx11abiTRUE.smoke-cp312-cp312-linux_x86_64.whl"


def test_every_wheel_that_is_published_leads_back_to_its_torch() -> None:
    cells = [row.cell for row in expand(RULES) if row.state is State.BUILD]
    for cell in cells:
        torch, build = torch_of(wheelname.of(cell), RULES)
        assert (torch.series, build.cuda, build.cxx11abi) == (cell.torch, cell.cuda, cell.cxx11abi)
    assert len(cells) > 50


def test_the_profile_says_what_a_wheel_refuses() -> None:
    assert "BACKWARD" in profile_of(wheelname.parse(FILENAME), RULES).disable
    with pytest.raises(CellError, match="no profile 'tiny'"):
        profile_of(wheelname.parse(FILENAME.replace("smoke", "tiny")), RULES)


@pytest.mark.parametrize(
    ("old", "new"), [("torch2.12", "torch2.99"), ("TRUE", "FALSE"), ("cu12", "cu11"), ("cp312-cp312", "cp39-cp39")]
)
def test_a_wheel_for_a_torch_that_never_was(old: str, new: str) -> None:
    with pytest.raises(CellError) as caught:
        torch_of(wheelname.parse(FILENAME.replace(old, new)), RULES)
    assert "--no-install" in caught.value.remedy
