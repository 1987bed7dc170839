from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.index import published
from factory.index.published import Asset, Gpu, Published
from tests.samplewheels import GUIDE, many, wheel

SHA = "a" * 64
REPORT = {
    "schema": 1,
    "wheel": GUIDE,
    "sha256": SHA,
    "size": 1000,
    "ok": True,
    "findings": [],
    "facts": {
        "requires_python": ">=3.9",
        "requires": ["torch==2.6.*", "einops"],
        "extensions": [{"archs": ["compute_90", "sm_80", "sm_90"], "platform": "manylinux_2_28_x86_64", "units": 84}],
        "expected": {"cuda": "12.4", "cuda_major": 12},
    },
}
VERDICT = {"ok": True, "sha256": SHA, "machine": {"gpu": "NVIDIA H100", "cuda": "12.4", "driver": "580"}}


def asset(name: str, content: object = b"", sha256: str | None = SHA) -> Asset:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Asset(
        name=name,
        size=1000,
        sha256=sha256,
        url=f"https://example.invalid/{name}",
        updated_at="2026-11-22T10:00:00Z",
        read=lambda: data,
    )


def unread() -> bytes:
    raise AssertionError("it was read again")


def whole(**changed: object) -> list[Asset]:
    parts: dict[str, object] = {".report.json": REPORT, ".verdict.json": VERDICT, ".metadata": b""} | {
        f".{suffix.replace('_', '.')}": content for suffix, content in changed.items()
    }
    beside = [asset(GUIDE + suffix, content, "b" * 64) for suffix, content in parts.items() if content is not None]
    return [asset(GUIDE), *beside, asset("SHA256SUMS")]


def only(assets: list[Asset]) -> Published:
    (one,), complaints = published.of_release("v2.7.4.post1", assets)
    assert not complaints
    return one


def test_a_release_with_all_its_parts() -> None:
    assert only(whole()) == Published(
        filename=GUIDE,
        url=f"https://example.invalid/{GUIDE}",
        size=1000,
        sha256=SHA,
        uploaded="2026-11-22T10:00:00Z",
        metadata_sha256="b" * 64,
        requires_python=">=3.9",
        yanked=None,
        archs=("compute_90", "sm_80", "sm_90"),
        floor="manylinux_2_28",
        gpu=Gpu(verdict="passed", name="NVIDIA H100"),
        tag="v2.7.4.post1",
        cuda="12.4",
        requires=("torch==2.6.*", "einops"),
    )


def test_without_a_verdict_it_is_untested() -> None:
    assert only(whole(verdict_json=None)).gpu == Gpu(verdict="untested")


def test_a_withdrawn_one_has_its_reason() -> None:
    assert only(whole(yanked=b"wrong torch class")).yanked == "wrong torch class"
    assert only(whole(yanked=b"\n")).yanked == "withdrawn"


def test_the_verdict_tells_the_toolkit_where_the_report_does_not() -> None:
    report = REPORT | {"facts": {**REPORT["facts"], "expected": None}}  # type: ignore[dict-item]
    assert only(whole(report_json=report)).cuda == "12.4"
    assert only(whole(report_json=report, verdict_json=None)).cuda is None


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"report_json": None}, "its audit report is not there"),
        ({"report_json": REPORT | {"sha256": "c" * 64}}, "its audit report is of another file"),
        ({"report_json": REPORT | {"ok": False}}, "its audit found something"),
        ({"report_json": b"{"}, "Invalid JSON"),
        ({"verdict_json": VERDICT | {"sha256": "c" * 64}}, "its verdict is of another file"),
        ({"verdict_json": VERDICT | {"ok": False}}, "it did not pass the GPU test"),
    ],
)
def test_what_does_not_belong_together_is_not_listed(changed: dict[str, object], complaint: str) -> None:
    wheels, complaints = published.of_release("v2.7.4.post1", whole(**changed))
    assert not wheels
    assert len(complaints) == 1
    assert complaints[0].startswith(GUIDE)
    assert complaint in complaints[0]


def test_a_digest_that_github_never_computed_is_the_reports() -> None:
    assert only([asset(GUIDE, sha256=None), *whole()[1:]]).sha256 == SHA


def test_a_wheel_of_another_scheme_is_not_listed() -> None:
    name = "flash_attn-2.7.4.post1-py3-none-any.whl"
    wheels, complaints = published.of_release("v2.7.4.post1", [asset(name)])
    assert not wheels
    assert "is not named like" in complaints[0]


def test_a_wheel_in_another_versions_release_is_not_listed() -> None:
    wheels, complaints = published.of_release("v2.8.3", whole())
    assert (wheels, complaints) == ((), (f"{GUIDE}: it is in release v2.8.3 and belongs in v2.7.4.post1",))


def test_what_is_known_is_not_read_again() -> None:
    known = only(whole())
    shut = [replace(one, read=unread, url=one.url + "?new") for one in whole()]
    (again,), _ = published.of_release("v2.7.4.post1", shut, [known])
    assert again == replace(known, url=known.url + "?new")


@pytest.mark.parametrize("changed", [{"yanked": b"withdrawn"}, {"verdict_json": None}, {"metadata": None}])
def test_what_came_or_went_is_read_again(changed: dict[str, object]) -> None:
    (again,), _ = published.of_release("v2.7.4.post1", whole(**changed), [only(whole())])
    assert again == only(whole(**changed))


@settings(deadline=None, max_examples=40)
@given(st.permutations(many(30)))
def test_the_list_is_the_same_in_any_order_and_read_back(wheels: list[Published]) -> None:
    text = published.to_json(wheels)
    assert text == published.to_json(many(30))
    assert published.from_json(text) == tuple(published.ordered(wheels))


def test_an_empty_list() -> None:
    assert published.from_json(published.to_json([])) == ()


def test_names_are_spelt_out_for_programs() -> None:
    (row,) = json.loads(published.to_json([wheel()]))["wheels"]
    assert row["filename"] == GUIDE
    assert (row["flash_attn"], row["cuda_major"], row["cuda"]) == ("2.7.4.post1", 12, "12.4")
    assert (row["torch"], row["python"], row["cxx11abi"], row["profile"]) == ("2.6", "3.10", False, "full")
    assert row["gpu"] == {"verdict": "passed", "name": "NVIDIA H100 80GB HBM3"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"schema": 1', '"schema": 2', "schema"),
        ('"size": 1', '"size": -1', "size"),
        ('"sha256": "', '"sha256": "x', "sha256"),
        (GUIDE, "flash_attn-1-py3-none-any.whl", "is not named like"),
        ('"sm_80"', '"8.0"', "archs"),
    ],
)
def test_what_is_no_list_of_wheels_is_refused(old: str, new: str, complaint: str) -> None:
    text = published.to_json([wheel()])
    assert old in text
    with pytest.raises(ValueError, match=complaint):
        published.from_json(text.replace(old, new))


def test_a_name_stands_in_the_list_once() -> None:
    text = published.to_json([wheel(), wheel()])
    with pytest.raises(ValueError, match="more than once"):
        published.from_json(text)
