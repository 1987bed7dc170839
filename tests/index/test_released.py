from __future__ import annotations

import json
from dataclasses import replace

import pytest

from factory.index import released
from factory.index.published import Gpu, Published
from factory.index.released import Asset
from factory.wheel import releasebill
from tests.samplewheels import GUIDE

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
    (one,), complaints = released.of_release("v2.7.4.post1", assets)
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
        bill=None,
        attested=False,
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
    wheels, complaints = released.of_release("v2.7.4.post1", whole(**changed))
    assert not wheels
    assert len(complaints) == 1
    assert complaints[0].startswith(GUIDE)
    assert complaint in complaints[0]


def test_a_digest_that_github_never_computed_is_the_reports() -> None:
    assert only([asset(GUIDE, sha256=None), *whole()[1:]]).sha256 == SHA


def test_a_wheel_of_another_scheme_is_not_listed() -> None:
    name = "flash_attn-2.7.4.post1-py3-none-any.whl"
    wheels, complaints = released.of_release("v2.7.4.post1", [asset(name)])
    assert not wheels
    assert "is not named like" in complaints[0]


def test_a_wheel_in_another_versions_release_is_not_listed() -> None:
    wheels, complaints = released.of_release("v2.8.3", whole())
    assert (wheels, complaints) == ((), (f"{GUIDE}: it is in release v2.8.3 and belongs in v2.7.4.post1",))


def test_a_release_of_the_factory_itself_is_passed_over() -> None:
    names = ("flash_attn_wheel_factory-0.1.0-py3-none-any.whl", "flash_attn_wheel_factory-0.1.0.tar.gz")
    assert released.of_release("factory-v0.1.0", map(asset, names)) == ((), ())


def test_what_is_known_is_not_read_again() -> None:
    known = only(whole())
    shut = [replace(one, read=unread, url=one.url + "?new") for one in whole()]
    (again,), _ = released.of_release("v2.7.4.post1", shut, [known])
    assert again == replace(known, url=known.url + "?new")


@pytest.mark.parametrize("changed", [{"yanked": b"withdrawn"}, {"verdict_json": None}, {"metadata": None}])
def test_what_came_or_went_is_read_again(changed: dict[str, object]) -> None:
    (again,), _ = released.of_release("v2.7.4.post1", whole(**changed), [only(whole())])
    assert again == only(whole(**changed))


BILL = "flash_attn-2.7.4.post1{}.cdx.json"


def bill(number: str, *wheels: str, attested: bool = False) -> Asset:
    said = [{"name": releasebill.ATTESTATION, "value": releasebill.VERIFIED if attested else "not asked for"}]
    return asset(BILL.format(number), {"components": [{"bom-ref": name, "properties": said} for name in wheels]})


@pytest.mark.parametrize("attested", [True, False])
def test_of_several_bills_of_materials_that_which_tells_of_it_is_linked(attested: bool) -> None:  # noqa: FBT001
    other = GUIDE.replace("310", "311")
    bills = [bill("", other, attested=not attested), bill(".2", GUIDE, "torch", attested=attested), bill(".3", other)]
    one = only([*whole(), *bills, asset("flash_attn-notes.cdx.json", b"[" * 100_000)])
    assert (one.bill, one.attested) == (BILL.format(".2"), attested)
    shut = [replace(there, read=unread) for there in [*whole(), *bills]]
    assert released.of_release("v2.7.4.post1", shut, [one])[0] == (one,)


def test_a_bill_of_materials_may_come_later_and_one_that_went_is_not_linked() -> None:
    later = [*whole(), bill("", GUIDE)]
    shut = [there if there.name.endswith(".cdx.json") else replace(there, read=unread) for there in later]
    ((one,), _) = released.of_release("v2.7.4.post1", shut, [only(whole())])
    assert one == only(later)
    assert one.bill == BILL.format("")
    ((one,), _) = released.of_release("v2.7.4.post1", whole(), [one])
    assert one.bill is None
