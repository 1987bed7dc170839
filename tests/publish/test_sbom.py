from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from factory.publish import bundle
from factory.publish.parts import Asset
from factory.publish.sbom import Origin
from factory.wheel import cyclonedx, releasebill
from factory.wheel.cyclonedx import Part
from tests.publishing import GATE, TAG, bill, finished, installed, materials, parts_of, wheel_name

NAMES = [wheel_name(), wheel_name("311"), wheel_name("310", "2.5")]
ORIGIN = Origin(repository="someone/wheels", tag=TAG, parts={name: materials(name) for name in NAMES}, attested=False)
WHEELS = [
    Asset(id=number, name=name, size=1, sha256=f"{number:064x}", finished=True) for number, name in enumerate(NAMES)
]


def document(wheels: list[Asset], tested: frozenset[str] = frozenset()) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(ORIGIN.describe(wheels, tested))
    return read


def test_it_is_what_cyclonedx_asks_for() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(ORIGIN.describe(WHEELS, frozenset())) is None


def test_it_says_what_each_wheel_was_made_of() -> None:
    made = document(WHEELS)
    parts = {part["bom-ref"]: part for part in made["components"]}
    assert {one["ref"]: one["dependsOn"] for one in made["dependencies"]}[wheel_name("310", "2.5")] == [
        "pkg:generic/cuda-toolkit@12.4",
        "pkg:generic/cutlass@3.6.0",
        "pkg:pypi/flash-attn@2.7.4.post1",
        "pkg:pypi/torch@2.5.1",
    ]
    assert parts["pkg:pypi/flash-attn@2.7.4.post1"]["hashes"] == [
        {"alg": "SHA-256", "content": "f03485c9a49a4d68d0733acdcad80ab0e72afa025a777fdc2966ceccf9d51765"}
    ]
    assert len(parts) == len(made["components"]) == 3 + 5


def test_the_same_wheels_give_the_same_document_in_any_order() -> None:
    assert document(WHEELS) == document(WHEELS[::-1])
    assert document(WHEELS)["serialNumber"] != document(WHEELS[:2])["serialNumber"]


def test_it_marks_what_no_gpu_tried() -> None:
    made = document(WHEELS[:2], tested=frozenset({WHEELS[0].name}))
    assert [part["properties"][0]["value"] for part in made["components"][:2]] == ["passed", "untested"]


@pytest.mark.parametrize("attested", [True, False])
def test_it_says_whether_their_attestations_were_verified(attested: bool) -> None:  # noqa: FBT001
    told = releasebill.wheels(replace(ORIGIN, attested=attested).describe(WHEELS, frozenset()))
    assert {name: told[name] for name in NAMES} == dict.fromkeys(NAMES, attested)


def test_what_is_published_of_a_wheel_is_what_it_says_itself(tmp_path: Path) -> None:
    read = bundle.read(finished(parts_of(NAMES[0]), tmp_path), GATE, installed)
    assert read.candidate.parts == materials(NAMES[0])


TORCH = cyclonedx.torch("2.6.0")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "has not one sboms/flash-attn-wheel-factory.cdx.json of a sound size"),
        (bill(NAMES[0], [TORCH | {"name": "CUTLASS"}]), "has 'pkg:pypi/torch@2.6.0', which is none of its parts"),
        (bill(NAMES[0], [TORCH | {"licenses": []}]), "which is none of its parts"),
        (bill(NAMES[0], [TORCH | {"version": ["2.6.0"]}]), "is none of ours"),
        (bill(NAMES[0], [TORCH | {"name": "numpy"}]), "is none of ours: KeyError('numpy')"),
        (dict.fromkeys(bill(NAMES[0], []), b'{"metadata": 1}'), "is none of ours"),
        (dict.fromkeys(bill(NAMES[0], []), b"[" * 100000), "nested too deeply"),
        (dict(zip(bill(NAMES[0], []), bill(NAMES[1], []).values(), strict=True)), f"is of '{NAMES[1]}'"),
    ],
)
def test_a_wheel_that_does_not_say_it_is_refused(files: dict[str, bytes], said: str, tmp_path: Path) -> None:
    wheel = finished(replace(parts_of(NAMES[0]), files=files), tmp_path)
    with pytest.raises(ValueError, match=re.escape(said)):
        bundle.read(wheel, GATE, installed)


def test_a_part_that_is_named_twice_counts_once() -> None:
    twice: list[Part] = [TORCH, TORCH]
    (text,) = bill(NAMES[0], twice).values()
    assert cyclonedx.parts_of(NAMES[0], text) == (TORCH,)
