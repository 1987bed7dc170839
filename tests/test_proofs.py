"""What matrix.yaml shares, a proof on file has compared."""

import json
from pathlib import Path

import pytest

from factory.core import matrix
from factory.data import DATA

RULES = matrix.load((Path(__file__).parents[1] / "matrix.yaml").read_bytes())
PROOFS = [json.loads(path.read_text()) for path in sorted((DATA / "proofs").glob("*.json"))]
SHARED = [
    (toolkit.version, str(arch), str(first))
    for toolkit in RULES.toolkits.values()
    for arch, first in toolkit.front_end.items()
    if arch != first
]


@pytest.mark.parametrize(("cuda", "arch", "front_end"), SHARED)
def test_a_shared_front_end_rests_on_a_proof(cuda: str, arch: str, front_end: str) -> None:
    compared = [
        code["kernels"]
        for proof in PROOFS
        if proof["toolkit"].startswith(f"{cuda}.")
        for unit in proof["units"]
        for code in unit["code"]
        if (code["arch"], code["front_end"]) == (arch, front_end)
    ]
    assert sum(compared) > 0


def test_proofs_name_releases_of_the_matrix() -> None:
    assert PROOFS
    releases = {torch.release: torch.kernel_class for torch in RULES.torch.values()}
    for proof in PROOFS:
        assert proof["flash_attn"] in RULES.flash_attn
        assert releases[proof["torch"]] == proof["kernel_class"]
