"""The small sdist both ways, with a real nvcc and the real torch's headers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import ProofError
from factory.prove import prove
from tests.integration.bench import Bench, make_bench
from tests.integration.torchheaders import headers


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One for all: what the pool's way compiles does not differ."""
    return make_bench(tmp_path_factory.mktemp("bench"))


def plain(bench: Bench) -> prove.Plain:
    wanted = bench.cell()
    return prove.Plain(torch=wanted.torch, cell=wanted.cell, environment=headers(wanted.torch, wanted.build))


def test_both_ways_give_the_same_code_and_nothing_is_compiled_twice(bench: Bench) -> None:
    proof = prove.prove(bench.kernels, plain(bench), bench.session, whole=True)
    assert [len(unit.code) for unit in proof.units] == [2, 2, 2]
    assert {code.front_end for unit in proof.units for code in unit.code} == {"8.0"}
    assert all(code.kernels == 1 for unit in proof.units for code in unit.code)
    # Torch 2.6 has the narrow state: the one field behind it is read elsewhere.
    # The last field of the state, and the one behind it.
    assert {code.moved for unit in proof.units for code in unit.code} == {2}
    assert all(unit.cpu_seconds_plain > unit.cpu_seconds_pool > 0 for unit in proof.units)
    assert json.loads(proof.to_json())["torch"] == "2.6.0"
    # The plain way compiled with CUDA 12.4 as NVIDIA published it, wherever that compiles at all.
    assert proof.mended == ("pi-functions", "rsqrt") or "NVIDIA's own do not fit" in bench.output.getvalue()
    before = len(bench.output.getvalue())
    again = prove.prove(bench.kernels, plain(bench), bench.session, whole=False)
    assert len(again.units) == 3
    assert bench.output.getvalue()[before:].count("0 to compile") == 2


def test_another_instruction_is_a_difference_beside_those_that_read_elsewhere(bench: Bench, tmp_path: Path) -> None:
    """A torch whose own device function does something else than ours."""
    right = plain(bench)
    name = "ATen/cuda/detail/UnpackRaw.cuh"
    changed = tmp_path / "torch" / "include" / name
    changed.parent.mkdir(parents=True)
    text = (right.environment.torch / "include" / name).read_text()
    changed.write_text(text.replace("make_tuple(arg.seed_.val", "make_tuple(arg.seed_.val * 3"))
    assert changed.read_text() != text
    (tmp_path / "nvidia" / "others").mkdir(parents=True)
    (tmp_path / "nvidia" / "others" / "include").symlink_to(right.environment.torch / "include")
    environment = replace(right.environment, root=tmp_path / "wrong", site_packages=tmp_path)
    wrong = replace(right, environment=environment)
    with pytest.raises(ProofError) as caught:
        prove.prove(bench.kernels, wrong, bench.session, whole=False)
    assert any("sm_90: " in line and " .text " in line for line in caught.value.why)
