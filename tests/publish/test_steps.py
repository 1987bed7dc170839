"""The steps are also tried whole, against a server, in tests/publish/test_publish.py."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import PublishError
from factory.publish import body, checksums
from factory.publish.parts import Asset, File, Goal, Release, Seen, chosen
from factory.publish.releases import limits
from factory.publish.steps import Create, Publish, Remove, Upload, Wait, after, steps

LIMITS = limits()
NOW = datetime(2026, 11, 23, tzinfo=UTC)
WHEEL = "flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp310-cp310-linux_x86_64.whl"
EMPTY = Release(id=1, tag="v2.7.4.post1", draft=True, immutable=False, body="")


def file(name: str, text: str = "x") -> File:
    content = text.encode()
    return File(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), content=content)


def asset(name: str, text: str = "x", number: int = 1, *, finished: bool = True, age: float = 0) -> Asset:
    one = file(name, text)
    created = NOW - timedelta(seconds=age)
    return Asset(
        id=number, name=name, size=one.size, sha256=one.sha256 if finished else None, finished=finished, created=created
    )


def goal(*files: File) -> Goal:
    return Goal(
        tag="v2.7.4.post1",
        title="",
        repository="a/b",
        files=files,
        grace=timedelta(seconds=100),
        slowest=1000,
    )


def seen(*assets: Asset, broken: frozenset[str] = frozenset(), release: Release = EMPTY) -> Seen:
    return Seen(release=replace(release, assets=assets), now=NOW, broken=broken)


def contents(wheels: object) -> str:
    assert isinstance(wheels, list)
    return '{"components": [' + ",".join(f'{{"bom-ref": "{wheel.name}"}}' for wheel in wheels) + "]}"


def test_the_published_release_is_chosen_else_the_oldest_draft() -> None:
    drafts = (replace(EMPTY, id=3), replace(EMPTY, id=2))
    assert chosen(()) is None
    assert chosen(drafts) == drafts[1]
    assert chosen((*drafts, replace(EMPTY, id=9, draft=False))) == replace(EMPTY, id=9, draft=False)


def test_first_a_draft_is_made() -> None:
    assert steps(goal(file("a")), Seen(release=None), LIMITS, contents) == (Create(tag="v2.7.4.post1"),)


def test_what_is_missing_is_uploaded_in_order_and_what_is_there_is_not() -> None:
    wanted = goal(file("a"), file("b"), file("c"))
    assert steps(wanted, seen(asset("b")), LIMITS, contents) == (Upload(file=file("a")), Upload(file=file("c")))


def test_every_conflict_is_told() -> None:
    with pytest.raises(PublishError) as caught:
        steps(
            goal(file("a", "1"), file("b"), file("c", "3")), seen(asset("a"), asset("b"), asset("c")), LIMITS, contents
        )
    assert [line.split(":")[0] for line in caught.value.why] == ["a", "c"]


@pytest.mark.parametrize("size", [0, 2_147_483_648])
def test_what_github_does_not_take_is_told(size: int) -> None:
    with pytest.raises(PublishError, match=f"a: {size} bytes; GitHub takes 1 to 2147483647"):
        steps(goal(replace(file("a"), size=size)), Seen(release=None), LIMITS, contents)


def test_as_many_files_as_github_takes_are_taken() -> None:
    files = [file(str(number)) for number in range(998)]
    assert steps(goal(*files), Seen(release=None), LIMITS, contents)
    with pytest.raises(PublishError, match="it would hold 1001 files"):
        steps(goal(*files, file("one more")), Seen(release=None), LIMITS, contents)


@pytest.mark.parametrize(("age", "size", "given_up"), [(99, 1, False), (101, 1, True), (150, 100_000, False)])
def test_a_running_upload_has_time_by_its_size(age: float, size: int, given_up: bool) -> None:  # noqa: FBT001 - a parameter
    one, there = replace(file("a"), size=size), asset("a", finished=False, age=age)
    expected = (Remove(asset=there), Upload(file=one)) if given_up else (Wait(names=("a",)),)
    assert steps(goal(one), seen(there), LIMITS, contents) == expected


def test_our_own_broken_upload_is_replaced_at_once() -> None:
    there = asset("a", finished=False)
    taken = steps(goal(file("a")), seen(there, broken=frozenset({"a"})), LIMITS, contents)
    assert taken == (Remove(asset=there), Upload(file=file("a")))


def test_others_unfinished_uploads_are_left_alone() -> None:
    there = seen(asset("a"), asset("other", number=2, finished=False, age=10**6))
    assert Remove(asset=there.release.assets[1]) not in steps(goal(file("a")), there, LIMITS, contents)  # type: ignore[union-attr]


def test_an_unfinished_list_is_waited_for_and_then_removed() -> None:
    fresh, old = (asset("SHA256SUMS", number=2, finished=False, age=age) for age in (0, 1000))
    assert steps(goal(file("a")), seen(asset("a"), fresh), LIMITS, contents) == (Wait(names=("SHA256SUMS",)),)
    assert steps(goal(file("a")), seen(asset("a"), old), LIMITS, contents) == (Remove(asset=old),)


def test_nothing_is_left_to_do_at_the_end() -> None:
    wanted, now = goal(file(f"{WHEEL}.metadata"), file(WHEEL)), Seen(release=None)
    taken = []
    while following := steps(wanted, now, LIMITS, contents):
        for step in following:
            taken.append(type(step))
            now = after(step, now)
    assert taken == [Create, Upload, Upload, Upload, Upload, Publish]
    assert now.release is not None
    assert not now.release.draft
    summed = sorted((one.name, one.sha256) for one in now.release.assets if one.name != "SHA256SUMS")
    assert now.texts["SHA256SUMS"] == "".join(f"{sha256}  {name}\n" for name, sha256 in summed)


@given(st.lists(st.sets(st.sampled_from("abcdef")), max_size=4))
def test_each_file_is_summed_once_however_they_come(batches: list[set[str]]) -> None:
    now = Seen(release=EMPTY)
    for batch in batches:
        wanted = goal(*map(file, sorted(batch)))
        while following := steps(wanted, now, LIMITS, contents):
            for step in following:
                now = after(step, now)
    lines = [line for text in now.texts.values() for line in text.splitlines()]
    assert sorted(line.split("  ")[1] for line in lines) == sorted(set().union(*batches))


@given(st.dictionaries(st.from_regex(r"[A-Za-z0-9._+-]+", fullmatch=True), st.binary(min_size=32, max_size=32)))
def test_what_publishing_lists_is_read_back(hashes: dict[str, bytes]) -> None:
    files = {name: sha256.hex() for name, sha256 in hashes.items()}
    assets = [replace(asset(name), sha256=sha256) for name, sha256 in files.items()]
    assert not assets or checksums.parse(checksums.sums(assets).encode()) == files


@given(st.data())
def test_a_list_that_was_cut_off_inside_a_line_is_refused(data: st.DataObject) -> None:
    whole = checksums.sums([asset(WHEEL), asset(f"{WHEEL}.metadata")]).encode()
    end = data.draw(st.integers(0, len(whole) - 1).filter(lambda end: whole[end - 1 : end] != b"\n"))
    with pytest.raises(ValueError, match="it does not end as a list of sums does"):
        checksums.parse(whole[:end])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_names_of_lists_of_sums_are_those_that_publishing_takes(number: int) -> None:
    there = [asset(checksums.sums_name(earlier), number=earlier) for earlier in range(1, number)]
    listed = checksums.missing(seen(*there, asset("new", number=number)), contents, ())
    assert listed is not None
    assert listed.name == checksums.sums_name(number)


def test_a_damaged_list_is_not_believed() -> None:
    there = replace(seen(asset(WHEEL)), texts={"flash_attn-2.7.4.post1.cdx.json": '{"components": [3]}'})
    listed = checksums.missing(there, contents, {WHEEL})
    assert listed is not None
    assert listed.name == "flash_attn-2.7.4.post1.cdx.json"


def test_what_went_into_a_wheel_is_listed_by_whoever_has_it() -> None:
    listed = checksums.missing(seen(asset(WHEEL)), contents, {WHEEL.replace("310", "311")})
    assert listed is not None
    assert listed.name == "SHA256SUMS"


@pytest.mark.parametrize(
    ("name", "is_list"),
    [
        ("SHA256SUMS", True),
        ("SHA256SUMS.12", True),
        ("SHA256SUMS.txt", False),
        ("flash_attn-2.8.3.post2.cdx.json", True),
        ("flash_attn-2.8.3.post2.2.cdx.json", True),
        (WHEEL, False),
        (f"{WHEEL}.metadata", False),
    ],
)
def test_lists_are_known_by_name(name: str, is_list: bool) -> None:  # noqa: FBT001 - a parameter
    assert checksums.is_list(name) is is_list


def table(*names: str, text: str = "") -> str:
    assets = tuple(asset(name, number=number) for number, name in enumerate(names))
    return body.renewed(replace(EMPTY, assets=assets, body=text), "a/b", LIMITS.body_characters)


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| 1")]


def test_the_table_has_a_row_for_each_environment_in_order() -> None:
    names = [
        f"flash_attn-2.8.3.post2+cu{cuda}torch{torch}cxx11abiTRUE-cp{python}-cp{python}-linux_x86_64.whl"
        for cuda, torch, python in ((13, "2.10", 313), (12, "2.10", 39), (12, "2.9", 310), (12, "2.10", 310))
    ]
    assert [line.split(" | [")[0] for line in rows(table(*names))] == [
        "| 12 | 2.9 | TRUE | full",
        "| 12 | 2.10 | TRUE | full",
        "| 13 | 2.10 | TRUE | full",
    ]
    assert [part[:4].strip("]") for part in rows(table(*names))[1].split("[")[1:]] == ["3.9", "3.10"]


def test_only_what_has_no_verdict_is_untested() -> None:
    other = WHEEL.replace("310", "311")
    text = table(WHEEL, other, f"{WHEEL}.verdict.json")
    assert rows(text)[0].count("*untested*") == 1
    assert rows(text)[0].index("*untested*") > rows(text)[0].index("[3.11]")


def test_renewing_twice_changes_nothing() -> None:
    once = table(WHEEL, text="By hand.")
    assert table(WHEEL, text=once) == once


def test_a_text_too_long_for_github_goes_without_its_table() -> None:
    release = replace(EMPTY, assets=(asset(WHEEL),))
    long = body.renewed(release, "a/b", 10**6)
    assert rows(body.renewed(release, "a/b", len(long))) != []
    assert rows(body.renewed(release, "a/b", len(long) - 1)) == []


def test_the_largest_release_has_room_for_its_table() -> None:
    names = [
        f"flash_attn-2.7.4.post1+cu12torch2.{torch}cxx11abiFALSE-cp{python}-cp{python}-linux_x86_64.whl"
        for torch in range(25)
        for python in range(310, 320)
    ]
    text = body.renewed(
        replace(EMPTY, assets=tuple(asset(name) for name in names[:249])), "some-organisation/some-repository", 125_000
    )
    assert sum(row.count("](https") for row in rows(text)) == 249
