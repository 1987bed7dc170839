import json
from dataclasses import replace

from factory.reproduce.units import Part, Sample
from factory.wheel.madewith import MadeWith, differences
from tests import schemas
from tests.kernelsets import INPUTS

PART = Part(unit="a.cu", part="sm_80", recorded="1", made="1")


def test_a_sample_says_whether_all_is_the_same() -> None:
    same = Sample(kernels="k", inputs=INPUTS, shard="1/2", units=("a.cu",), parts=(PART,))
    other = replace(same, parts=(PART, replace(PART, made="2")))
    told = [json.loads(one.to_json()) for one in (same, other, replace(same, inputs=None))]
    assert [one["same"] for one in told] == [True, False, True]
    for one in told:
        schemas.check("reproduce", one)
    assert other.differing == (other.parts[1],)


def test_what_two_builds_differ_by_is_a_line_each() -> None:
    there = MadeWith(factory="c", backend="host", torch="2.6.0", kernels=INPUTS, python="3.11.2", environment="e")
    here = replace(there, python="3.11.9", kernels=replace(INPUTS, host_compiler="13.3.0"))
    assert list(differences(there, here)) == [
        "python: 3.11.2 there, 3.11.9 here",
        "host compiler: 12.2.0 there, 13.3.0 here",
    ]
    assert list(differences(there, there)) == []
