"""The small sdist both ways, with a real nvcc and the real torch's headers."""

import json

from factory.build import host
from factory.prove import prove
from tests.integration.bench import Bench


def plain(bench: Bench) -> prove.Plain:
    wanted = bench.cell()
    return prove.Plain(torch=wanted.torch, cell=wanted.cell, environment=host.prepare(wanted, bench.installer))


def test_both_ways_give_the_same_code_and_nothing_is_compiled_twice(bench: Bench) -> None:
    proof = prove.prove(bench.kernels, plain(bench), bench.session, whole=True)
    assert [len(unit.code) for unit in proof.units] == [2, 2, 2]
    assert {code.front_end for unit in proof.units for code in unit.code} == {"8.0"}
    assert all(code.kernels == 1 for unit in proof.units for code in unit.code)
    # Torch 2.6 has the narrow state: the one field behind it is read elsewhere.
    assert {code.moved for unit in proof.units for code in unit.code} == {1}
    assert all(unit.cpu_seconds_plain > unit.cpu_seconds_pool > 0 for unit in proof.units)
    assert json.loads(proof.to_json())["torch"] == "2.6.0"
    # The plain way compiled with CUDA 12.4 as NVIDIA published it, wherever that compiles at all.
    assert proof.mended == ("pi-functions", "rsqrt") or "NVIDIA's own do not fit" in bench.output.getvalue()
    again = prove.prove(bench.kernels, plain(bench), bench.session, whole=False)
    assert len(again.units) == 3
    assert bench.output.getvalue().count("0 to compile") == 2
