from __future__ import annotations

import json
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from factory.publish.gate import Gate
from factory.publish.parts import Asset
from factory.publish.sbom import Origin
from tests.publishing import TAG, UNTESTED, wheel_name

ORIGIN = Origin(repository="someone/wheels", tag=TAG, matrix=UNTESTED, cells=Gate.of(UNTESTED).cells)
WHEELS = [
    Asset(id=number, name=name, size=1, sha256=f"{number:064x}", finished=True)
    for number, name in enumerate([wheel_name(), wheel_name("311"), wheel_name("310", "2.5")])
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
        "pkg:pypi/flash-attn@2.7.4.post1",
        "pkg:pypi/torch@2.5.1",
    ]
    assert parts["pkg:pypi/flash-attn@2.7.4.post1"]["hashes"] == [
        {"alg": "SHA-256", "content": "f03485c9a49a4d68d0733acdcad80ab0e72afa025a777fdc2966ceccf9d51765"}
    ]
    assert len(parts) == len(made["components"]) == 3 + 4


def test_the_same_wheels_give_the_same_document_in_any_order() -> None:
    assert document(WHEELS) == document(WHEELS[::-1])
    assert document(WHEELS)["serialNumber"] != document(WHEELS[:2])["serialNumber"]


def test_it_marks_what_no_gpu_tried() -> None:
    made = document(WHEELS[:2], tested=frozenset({WHEELS[0].name}))
    assert [part["properties"][0]["value"] for part in made["components"][:2]] == ["passed", "untested"]


def test_a_wheel_that_the_matrix_has_no_more_is_listed_without_its_parts() -> None:
    strange = Asset(id=1, name=wheel_name("310", "2.3"), size=1, sha256="0" * 64, finished=True)
    made = document([strange])
    assert [part["bom-ref"] for part in made["components"]] == [strange.name]
    assert made["dependencies"] == [{"ref": strange.name, "dependsOn": []}]
