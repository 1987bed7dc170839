from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import DiskFullError, IndexShrinkError
from factory.index import beside, locks, requirements
from factory.index.index import Former, gather, index, mirror
from factory.index.published import Gpu, Published, from_json
from factory.index.released import Asset
from tests.samplewheels import FACTS, wheel

ONE, TWO = wheel(), wheel(python="3.11")


def write(
    published: list[Published], out: Path, *, previous: tuple[Published, ...] = (), shrink: bool = False
) -> list[str]:
    said: list[str] = []
    index(published, facts=FACTS, former=Former(wheels=previous, may_shrink=shrink), out=out, say=said.append)
    return said


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_everything_that_is_served_is_written(tmp_path: Path) -> None:
    assert write([ONE], tmp_path / "site") == [f"index: 1 wheel, 13 files in {tmp_path / 'site'}"]
    assert set(contents(tmp_path / "site")) == {
        "index.html",
        "site.css",
        "choose.js",
        "site.js",
        "flash_attn_wheel.py",
        "wheels.json",
        "cu124/index.html",
        locks.path(ONE),
        requirements.path(ONE),
        "cu124/flash-attn/index.html",
        "rules.json",
        "status.html",
        "status.json",
        "cu12/torch2.6/cxx11abiFALSE/index.html",
        "cu12/torch2.6/cxx11abiFALSE/flash-attn/index.html",
        "cu124/torch2.6/cxx11abiFALSE/index.html",
        "cu124/torch2.6/cxx11abiFALSE/flash-attn/index.html",
    }


def test_written_twice_or_in_another_order_it_is_the_same(tmp_path: Path) -> None:
    write([ONE, TWO], tmp_path / "a")
    before = contents(tmp_path / "a")
    write([TWO, ONE], tmp_path / "a")
    write([TWO, ONE], tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b") == before


def test_an_index_that_would_shrink_is_not_written(tmp_path: Path) -> None:
    write([ONE, TWO], tmp_path)
    before = contents(tmp_path)
    previous = from_json((tmp_path / "wheels.json").read_bytes())
    with pytest.raises(IndexShrinkError) as caught:
        write([ONE], tmp_path, previous=previous)
    assert caught.value.why == (f"{TWO.filename} would go",)
    assert "--allow-shrink" in caught.value.remedy
    with pytest.raises(IndexShrinkError, match="another file"):
        write([ONE, replace(TWO, sha256="0" * 64)], tmp_path, previous=previous)
    assert contents(tmp_path) == before


def test_it_shrinks_when_told_to_and_says_so(tmp_path: Path) -> None:
    smoke = wheel(profile="smoke")
    write([ONE, smoke], tmp_path)
    said = write([ONE], tmp_path, previous=(ONE, smoke), shrink=True)
    assert said[0] == f"index: {smoke.filename} would go, as allowed"
    write([ONE], tmp_path / "fresh")
    fresh = contents(tmp_path / "fresh")
    assert {path: data for path, data in contents(tmp_path).items() if not path.startswith("fresh/")} == fresh


def test_a_wheel_that_its_torch_knows_nothing_of_is_told(tmp_path: Path) -> None:
    told, _ = write([replace(ONE, requires=("torch", "einops"))], tmp_path)
    assert told == (
        f"index: {ONE.filename} is only in the indexes by torch: its METADATA does not require torch==2.6.*"
    )
    assert not (tmp_path / "cu124" / "index.html").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskFullError, match="the index cannot be written into"):
        write([ONE], tmp_path / "file")


def test_the_wheels_of_all_releases_are_gathered_and_what_is_left_out_is_said() -> None:
    def asset(name: str, sha256: str) -> Asset:
        return Asset(name=name, size=1, sha256=sha256, url="u", updated_at="2026-11-22T10:00:00Z", read=bytes)

    newer = wheel("2.8.3", metadata_sha256=None, url="u", gpu=Gpu(verdict="untested"), bill=None, attested=False)
    releases = [("v2.7.4.post1", [asset(ONE.filename, ONE.sha256)]), ("v2.8.3", [asset(newer.filename, newer.sha256)])]
    said: list[str] = []
    kept: list[str] = []
    assert gather(releases, known=[newer], say=said.append, keep=kept.append) == (newer,)
    assert kept == [f"{ONE.filename}: its audit report is not there"]
    assert said == [f"index: left out: {kept[0]}"]


def test_a_mirror_holds_wheels_and_metadata(tmp_path: Path) -> None:
    def fetch(url: str, sha256: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{url} {sha256}")

    (one,) = mirror([ONE], out=tmp_path, fetch=fetch)
    assert one == replace(ONE, url=f"files/{ONE.filename.replace('+', '%2B')}")
    assert contents(tmp_path) == {
        f"files/{ONE.filename}": f"{ONE.url} {ONE.sha256}".encode(),
        f"files/{ONE.filename}.metadata": f"{ONE.url}.metadata {ONE.metadata_sha256}".encode(),
    }


def test_what_flash_attn_requires_is_served_and_goes_when_it_is_not_any_more(tmp_path: Path) -> None:
    (one, *_) = beside.known()
    facts = replace(FACTS, others={one: b"a wheel"})
    index([ONE], facts=facts, former=Former(wheels=(), may_shrink=False), out=tmp_path, say=lambda _: None)
    assert contents(tmp_path)["beside/einops-0.8.2-py3-none-any.whl"] == b"a wheel"
    index([ONE], facts=FACTS, former=Former(wheels=(), may_shrink=False), out=tmp_path, say=lambda _: None)
    assert not [path for path in contents(tmp_path) if "einops" in path]
