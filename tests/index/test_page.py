from __future__ import annotations

from factory.index.page import WrittenIndex, markdown, remarks
from factory.index.published import Gpu
from tests.markdownpage import read
from tests.samplewheels import wheel

HOME = "https://owner.github.io/wheels"


def test_an_index_lists_its_groups_what_is_new_and_what_was_left_out() -> None:
    old, new = wheel(), wheel(python="3.11", gpu=Gpu(verdict="untested"), yanked="bad")
    gone = wheel(torch="2.4")
    written = WrittenIndex(
        wheels=(old, new, wheel(torch="2.5")),
        former=(old, gone),
        left_out=("x.whl: its <report> is no good",),
        address=HOME,
    )
    text = markdown(written)
    page = read(text)
    assert page.headings == ["✅ Index: 3 wheels in 2 groups", "Left out"]
    assert "wheels that are new: 2, that are gone: 1." in text
    assert page.rows[1] == ["cu124/torch2.6/cxx11abiFALSE", "2", "3.10 3.11", "1", "1"]
    assert page.links == [
        HOME,
        f"{HOME}/cu124/torch2.6/cxx11abiFALSE/",
        f"{HOME}/cu124/torch2.5/cxx11abiFALSE/",
    ]
    assert page.items == ["x.whl: its <report> is no good"]
    assert [(one.level, one.message) for one in remarks(written)] == [("warning", "x.whl: its <report> is no good")]


def test_an_empty_index_has_no_table() -> None:
    page = read(markdown(WrittenIndex(wheels=(), former=(), left_out=(), address=HOME)))
    assert page.headings == ["✅ Index: 0 wheels in 0 groups"]
    assert page.rows == []
