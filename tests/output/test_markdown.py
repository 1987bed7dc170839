from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factory.output.markdown import Markup, bullets, code, folded, joined, link, page, plain, section, table
from tests.markdownpage import read

NASTY = st.one_of(
    st.text(),
    st.text(alphabet="\\|`*_[]()#~$&<>!-+=1.) \n\r\t\x00\x1b\u2028\ud800ab:/"),
    st.sampled_from(
        ["- x", "1. x", "# x", "---", "<script>", "a\\|b", "&lt;", "|", "`", "[a](b)", "***", "> q", "| - |"]
    ),
)


def shown(text: str) -> str:
    """Say how ``text`` is to read: on one line, what cannot be printed replaced."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in " ".join(text.split()))


def words(text: str) -> str:
    """Take out the spaces, which a parser may join or drop at the ends."""
    return re.sub(r"\s", "", text)


@given(st.lists(st.tuples(NASTY, NASTY, NASTY), min_size=1, max_size=4))
@example([("a\\|b", "\\", "|")])
def test_a_table_has_its_rows_and_columns_and_they_read_as_they_are(rows: list[tuple[str, str, str]]) -> None:
    found = read(table(("one", "two", "three"), rows))
    assert found.rows[0] == ["one", "two", "three"]
    assert [[words(cell) for cell in row] for row in found.rows[1:]] == [
        [words(shown(cell)) for cell in row] for row in rows
    ]
    assert found.html == []
    assert found.links == []


@given(st.lists(NASTY.filter(lambda text: bool(text.strip())), min_size=1, max_size=4))
def test_a_list_has_its_items_and_nothing_in_them_is_markup(lines: list[str]) -> None:
    found = read(bullets(lines))
    assert [words(item) for item in found.items] == [words(shown(line)) for line in lines]
    assert found.html == []
    assert not found.kinds & {"heading_open", "hr", "ordered_list_open", "blockquote_open", "fence", "code_block"}
    assert not found.kinds & {"em_open", "strong_open", "code_inline", "link_open", "image"}


@given(NASTY.filter(lambda text: bool(text.strip())), NASTY)
def test_headings_folds_and_code_take_any_text(title: str, body: str) -> None:
    found = read(page(title, section(title, code(body)), folded(title, plain(body) or Markup("x"))))
    assert [words(text) for text in found.headings] == [words(shown(title))] * 2
    assert all(html.startswith(("<details>", "</details>")) for html in found.html)
    assert len(found.html) == 2


@given(NASTY, NASTY)
def test_a_link_leads_where_it_says_and_to_nothing_else(text: str, name: str) -> None:
    found = read(table(("file",), [(link(text or "x", f"https://example.org/{name.replace('/', '')}"),)]))
    (target,) = found.links
    assert target.startswith("https://example.org/")
    assert len(found.rows[1]) == 1


@pytest.mark.parametrize("text", ["2.7.4.post1", "3.9 3.10", "cu124 torch2.6", "8.0 9.0"])
def test_versions_read_well_in_the_source_too(text: str) -> None:
    assert plain(text) == text


def test_a_long_text_is_cut_before_it_is_escaped() -> None:
    assert plain("|" * 1000) == "\\|" * 399 + "…"


def test_what_is_empty_leaves_no_trace() -> None:
    assert joined(section("a"), section("b", Markup()), folded("c", Markup()), plain("")) == ""
