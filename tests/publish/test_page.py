from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from factory.publish.page import markdown
from factory.publish.parts import File, Sent
from tests.markdownpage import read

HOME = "https://github.com/owner/wheels"


def test_a_release_lists_what_is_new_and_what_was_there_with_links() -> None:
    new = File(name="a+cu12.whl", size=151_200_000, sha256="a" * 64)
    there = File(name="a+cu12.whl.metadata", size=900, sha256="b" * 64)
    page = read(markdown([Sent(tag="v2.8.3", new=(new,), there=(there,))], HOME))
    assert page.headings == ["✅ Published: files that are new: 1, that were there already: 1", "Release v2.8.3"]
    assert page.rows[1:] == [
        ["a+cu12.whl", "151.2 MB", "new", "a" * 64],
        ["a+cu12.whl.metadata", "0.0 MB", "already there", "b" * 64],
    ]
    assert page.links == [
        f"{HOME}/releases/tag/v2.8.3",
        f"{HOME}/releases/download/v2.8.3/a%2Bcu12.whl",
        f"{HOME}/releases/download/v2.8.3/a%2Bcu12.whl.metadata",
    ]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_a_name_breaks_neither_the_table_nor_the_link(names: list[str]) -> None:
    files = tuple(File(name=name, size=1, sha256="c" * 64) for name in names)
    page = read(markdown([Sent(tag="v1", new=files, there=())], HOME))
    assert [len(row) for row in page.rows] == [4] * (len(names) + 1)
    assert all(link.startswith(f"{HOME}/releases/") for link in page.links)
