"""Header fixes: a fix is made whole or not at all, and what it is for is read from its data."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from factory.data import DATA
from factory.toolkit import headerfix
from factory.toolkit.headerfix import Change, HeaderFix

TEXT = (DATA / "header_fixes.yaml").read_text(encoding="utf-8")
FIXES = headerfix.parse(TEXT)


def fix(*changes: tuple[str, str, str], name: str = "one") -> HeaderFix:
    rows = tuple(Change(file=file, old=old, new=new) for file, old, new in changes)
    return HeaderFix(
        name=name, releases=("12.4",), functions=("cospi", "cospif"), glibc="2.41", mended_in="13.0", changes=rows
    )


def test_the_data_is_what_the_rest_relies_on() -> None:
    assert [one.name for one in FIXES] == ["pi-functions", "rsqrt"]
    assert headerfix.functions(FIXES) == "cospi, sinpi, rsqrt"
    assert {one.name for one in headerfix.meant_for("13.0", FIXES)} == {"rsqrt"}
    assert headerfix.meant_for("13.2", FIXES) == ()


@pytest.mark.parametrize(
    ("glibc", "names"),
    [("2.36", []), ("2.40", []), ("2.41", ["pi-functions"]), ("2.42", ["pi-functions", "rsqrt"]), ("", [])],
)
def test_a_glibc_needs_what_is_not_newer_than_it(glibc: str, names: list[str]) -> None:
    assert [one.name for one in headerfix.on(glibc, FIXES)] == names


@pytest.mark.parametrize(
    ("old", "new"),
    [("- file", "- path"), ("include/crt/math_functions.h\n", "../etc/passwd\n"), ('glibc: "2.41"', "glib: x")],
)
def test_data_that_is_not_as_it_should_be_is_refused(old: str, new: str) -> None:
    with pytest.raises(ValidationError):
        headerfix.parse(TEXT.replace(old, new))


def test_one_old_text_that_is_not_there_leaves_all_files_as_they_are() -> None:
    two = fix(("a", "x", "y"), ("b", "absent", "z"))
    assert headerfix.mended([two], {"a": "x", "b": "b"}.__getitem__) == ((), {})


def test_a_second_fix_reads_what_the_first_wrote() -> None:
    first, second = fix(("a", "x", "yy")), fix(("a", "yy", "z"), name="two")
    assert headerfix.mended([first, second], {"a": "x"}.__getitem__) == ((first, second), {"a": "z"})


TEXTS = st.text(alphabet="ab\n", max_size=12)
CHANGES = st.tuples(st.sampled_from("fg"), st.text(alphabet="ab\n", min_size=1, max_size=3), TEXTS)


@given(st.lists(st.lists(CHANGES, min_size=1, max_size=3), max_size=3), TEXTS, TEXTS)
@example([[("f", "a", "")], [("f", "a", "b")]], "a", "")
def test_a_fix_is_made_whole_or_not_at_all(rows: list[list[tuple[str, str, str]]], one: str, other: str) -> None:
    fixes = [fix(*changes, name=str(number)) for number, changes in enumerate(rows)]
    done, texts = headerfix.mended(fixes, {"f": one, "g": other}.__getitem__)
    state = {"f": one, "g": other}
    for wanted in fixes:
        draft, whole = dict(state), True
        for change in wanted.changes:
            whole = whole and draft[change.file].count(change.old) == 1
            draft[change.file] = draft[change.file].replace(change.old, change.new)
        assert whole == (wanted in done)
        state = draft if whole else state
    assert {"f": one, "g": other, **texts} == state
    assert set(texts) == {change.file for wanted in done for change in wanted.changes}


@given(TEXTS, st.text(alphabet="ab\n", min_size=1, max_size=3), TEXTS, TEXTS)
def test_a_text_in_which_the_old_stands_twice_stays(before: str, old: str, between: str, after: str) -> None:
    text = before + old + between + old + after
    assert headerfix.mended([fix(("f", old, "new"))], lambda _: text) == ((), {})
